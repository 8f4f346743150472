// A header of the consumer's, named as one of weft's.
#pragma once

inline constexpr bool consumers_own_error_header = true;
