// Upper, lower and title case, character by character, as Unicode's simple mappings have them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::jinja {

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
// The first character upper, the others lower.
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);

bool is_upper(uint32_t code_point);
bool is_lower(uint32_t code_point);
bool is_cased(uint32_t code_point);

// Each word's first letter in upper, the others in lower case. Jinja's title filter starts words
// behind blanks, hyphens and brackets, Python's str.title() behind everything that has no case.
std::string title_words(std::string_view text);
std::string title_letters(std::string_view text);

}  // namespace weft::jinja
