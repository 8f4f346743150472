// The rules of the house (docs/architecture.md) as functions of one source file. Each
// returns one line for each breach, naming file, line and rule; none found is empty.
#pragma once

#include <string>
#include <vector>

#include "tests/layering/source_file.h"

namespace weft::layering {

// Every folder that has a floor; the first six make up the library.
std::vector<std::string> all_folders();
std::vector<std::string> library_folders();

// Includes point downward or stay in their own folder, by full path; neighbours on one
// floor do not know each other; only api/engine_factory.cpp names a concrete backend and
// the loader; the scheduler knows no text.
std::vector<std::string> check_includes(const SourceFile& file);

// The library neither ends the process nor prints (core/check.cpp does, for our own bugs).
std::vector<std::string> check_no_exit_no_print(const SourceFile& file);

// The environment is read in one place, so that every knob can be found there.
std::vector<std::string> check_environment(const SourceFile& file);

// Calls of the operating system live in core/platform/.
std::vector<std::string> check_platform(const SourceFile& file);

}  // namespace weft::layering
