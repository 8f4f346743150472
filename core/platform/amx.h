// Leave to use AMX tiles, which Linux grants a process on request.
#pragma once

namespace weft::platform {

// Whether this process, its threads of today and those to come, may use tiles: asks the system for
// it. False where it refuses, does not know them, or the processor has none.
bool request_amx_tiles();

}  // namespace weft::platform
