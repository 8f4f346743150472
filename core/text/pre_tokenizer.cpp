#include "core/text/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/check.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace weft {
namespace {

// Bytes that stand for characters above ASCII. White space is a vertical tab, which \s matches
// and which no pattern names.
constexpr char kSpaceByte = '\v';
constexpr char kSetByte = '\x8f';
constexpr char class_byte(CharClass c) {
  return c == CharClass::kSpace ? kSpaceByte : static_cast<char>(0x80 + static_cast<int>(c));
}

struct ClassName {
  std::string_view name;   // in patterns
  std::string_view ascii;  // its ASCII characters, as inside of brackets
  char byte;
};

constexpr ClassName kClassNames[] = {
    {"\\p{L}", "A-Za-z", class_byte(CharClass::kLetter)},
    {"\\p{N}", "0-9", class_byte(CharClass::kNumber)},
    {"\\p{M}", "", class_byte(CharClass::kMark)},
    {"\\p{P}", "!-#%-*,-/:;?@[-\\]_{}", class_byte(CharClass::kPunctuation)},
    {"\\p{S}", "$+<->^`|~", class_byte(CharClass::kSymbol)},
    {"\\p{Set}", "", kSetByte},
};

// Writes the classes of a pattern as the bytes that stand for them.
std::string expand_classes(std::string_view pattern) {
  std::string expanded;
  bool in_brackets = false;
  for (size_t i = 0; i < pattern.size();) {
    const auto named =
        std::find_if(std::begin(kClassNames), std::end(kClassNames),
                     [&](const ClassName& c) { return pattern.substr(i).starts_with(c.name); });
    if (named != std::end(kClassNames)) {
      if (!in_brackets) expanded += '[';
      expanded += named->ascii;
      expanded += named->byte;
      if (!in_brackets) expanded += ']';
      i += named->name.size();
      continue;
    }
    if (pattern[i] == '[') in_brackets = true;
    if (pattern[i] == ']') in_brackets = false;
    const size_t size = pattern[i] == '\\' ? 2 : 1;
    expanded += pattern.substr(i, size);
    i += size;
  }
  return expanded;
}

bool contains(std::span<const CodePointRange> set, uint32_t code) {
  const auto after = std::upper_bound(
      set.begin(), set.end(), code,
      [](uint32_t value, const CodePointRange& range) { return value < range.first; });
  return after != set.begin() && code <= std::prev(after)->last;
}

// One byte a character, as the patterns want it.
std::string classify(std::string_view text, std::span<const CodePointRange> set) {
  std::string classes;
  classes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      classes += text[at++];
      continue;
    }
    const uint32_t code = decode_lax(text, at);
    const CharClass c = char_class(code);
    classes += c != CharClass::kSpace && contains(set, code) ? kSetByte : class_byte(c);
  }
  return classes;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<int8_t>(c) >= 0; });
}

// From characters to bytes.
void widen(std::string_view text, std::vector<uint32_t>& sizes) {
  size_t at = 0;
  for (uint32_t& size : sizes) {
    const size_t begin = at;
    for (uint32_t i = 0; i < size; ++i) at += utf8_claimed_size(text[at]);
    size = static_cast<uint32_t>(at - begin);
  }
}

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

}  // namespace

class PreTokenizer::Regex {
 public:
  explicit Regex(std::string_view pattern) {
    const std::string expanded = expand_classes(pattern);
    int error = 0;
    PCRE2_SIZE at = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expanded.data()), expanded.size(),
                              PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF, &error, &at, nullptr));
    WEFT_CHECK(code_ != nullptr, "pattern " + std::string(pattern) + ": error " +
                                     std::to_string(error) + " at " + std::to_string(at));
    has_jit_ = pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE) == 0;
  }

  // Cuts the words of `sizes` further.
  Result<std::vector<uint32_t>> cut(std::string_view classes,
                                    std::span<const uint32_t> sizes) const {
    const std::unique_ptr<pcre2_match_data, Free> match(pcre2_match_data_create(1, nullptr));
    const std::unique_ptr<pcre2_match_context, Free> context(pcre2_match_context_create(nullptr));
    if (!match || !context) return out_of_memory();
    // No pattern backtracks further than its own match is long: limits could only cut words
    // short.
    pcre2_set_match_limit(context.get(), UINT32_MAX);
    const PCRE2_SIZE* const bounds = pcre2_get_ovector_pointer(match.get());
    std::vector<uint32_t> result;
    result.reserve(std::max(sizes.size(), classes.size() / 4));
    const char* word = classes.data();
    for (const uint32_t size : sizes) {
      const auto* subject = reinterpret_cast<PCRE2_SPTR>(word);
      PCRE2_SIZE at = 0;
      while (at < size) {
        int rc = has_jit_ ? pcre2_jit_match(code_.get(), subject, size, at, 0, match.get(),
                                            context.get())
                          : PCRE2_ERROR_JIT_STACKLIMIT;
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
          rc =
              pcre2_match(code_.get(), subject, size, at, PCRE2_NO_JIT, match.get(), context.get());
        }
        if (rc == PCRE2_ERROR_NOMATCH) break;
        if (rc < 0) return out_of_memory();
        if (bounds[0] > at) result.push_back(static_cast<uint32_t>(bounds[0] - at));
        WEFT_CHECK(bounds[1] > bounds[0], "pre-tokenizer: a pattern matched nothing");
        result.push_back(static_cast<uint32_t>(bounds[1] - bounds[0]));
        at = bounds[1];
      }
      if (at < size) result.push_back(static_cast<uint32_t>(size - at));
      word += size;
    }
    return result;
  }

 private:
  static tl::unexpected<Error> out_of_memory() {
    return fail(ErrorCode::kOutOfMemory, "pre-tokenizer: no memory for matching");
  }

  std::unique_ptr<pcre2_code, Free> code_;
  bool has_jit_ = false;
};

PreTokenizer::PreTokenizer(const PreTokenizerSpec& spec) : spec_(&spec) {
  for (const PreTokenizerStage& stage : spec.stages) regexes_.emplace_back(stage.pattern);
}

PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

Result<PreTokenizer> PreTokenizer::create(std::string_view name) {
  const PreTokenizerSpec* spec = find_pre_tokenizer(name);
  if (!spec) {
    return fail(ErrorCode::kUnknownPreTokenizer,
                "tokenizer.ggml.pre: unknown pre-tokenizer '" + std::string(name) + "'");
  }
  return PreTokenizer(*spec);
}

Result<std::vector<uint32_t>> PreTokenizer::split(std::string_view text) const {
  std::vector<uint32_t> sizes;
  if (text.empty()) return sizes;
  const bool ascii = is_ascii(text);
  const std::string plain_classes = ascii ? std::string() : classify(text, {});
  const std::string_view plain = ascii ? text : std::string_view(plain_classes);
  sizes.push_back(static_cast<uint32_t>(plain.size()));
  for (size_t i = 0; i < regexes_.size(); ++i) {
    const auto set = spec_->stages[i].set;
    const bool own_classes = !ascii && !set.empty();
    const std::string set_classes = own_classes ? classify(text, set) : std::string();
    WEFT_TRY_ASSIGN(sizes, regexes_[i].cut(own_classes ? set_classes : plain, sizes));
  }
  if (!ascii) widen(text, sizes);
  return sizes;
}

}  // namespace weft
