// The pre-tokenizers by name: facts of the models' tokenizers, written as patterns over character
// classes. A name that is not here is refused, never guessed.
#include <algorithm>

#include "core/text/pre_tokenizer.h"

namespace weft {
namespace {

// English contractions in either case. ASCII only: a caseless match would take "ſ" for "s".
const std::string kContraction = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";

// Runs of spaces leave their last space to the word that follows.
const std::string kSpaces = R"(\s+(?!\S)|\s+)";

const std::string kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

const std::string kLlama3 =
    kContraction + R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)" +
    kSpaces;

const std::string kQwen2 =
    kContraction + R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)" +
    kSpaces;

const std::string kQwen35 = kContraction +
                            R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
                            R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|)" +
                            kSpaces;

// Letters that may stand in the front (upper) and in the back (lower) part of a word: any but
// the ASCII ones of the other case. A class cannot be negated inside of brackets here, so all
// that is no letter is named.
const std::string kNoLetter = R"(\x00-@\[-`{-\x7f\x80\p{N}\p{M}\p{P}\p{S})";
const std::string kUpper = "[^a-z" + kNoLetter + "]";
const std::string kLower = "[^A-Z" + kNoLetter + "]";

const std::string kTekken = R"([^\r\n\p{L}\p{N}]?)" + kUpper + "*" + kLower +
                            R"(+|[^\r\n\p{L}\p{N}]?)" + kUpper + "+" + kLower +
                            R"(*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|)" + kSpaces;

const std::string kGpt4o = R"([^\r\n\p{L}\p{N}]?)" + kUpper + "*" + kLower + "+(?:" + kContraction +
                           R"()?|[^\r\n\p{L}\p{N}]?)" + kUpper + "+" + kLower +
                           "*(?:" + kContraction +
                           R"()?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|)" + kSpaces;

const std::string kDeepseek3 =
    R"([!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)"
    R"(\s*[\r\n]+|)" +
    kSpaces;

// Letters of alphabets with two cases.
constexpr CodePointRange kCasedLetters[] = {
    {0xb5, 0xb5},       {0xc0, 0xd6},       {0xd8, 0xf6},       {0xf8, 0x1ba},
    {0x1bc, 0x1bf},     {0x1c4, 0x293},     {0x295, 0x2af},     {0x370, 0x373},
    {0x376, 0x377},     {0x37b, 0x37d},     {0x37f, 0x37f},     {0x386, 0x386},
    {0x388, 0x38a},     {0x38c, 0x38c},     {0x38e, 0x3a1},     {0x3a3, 0x3f5},
    {0x3f7, 0x481},     {0x48a, 0x52f},     {0x531, 0x556},     {0x10a0, 0x10c5},
    {0x13a0, 0x13f5},   {0x13f8, 0x13fd},   {0x1c90, 0x1cba},   {0x1cbd, 0x1cbf},
    {0x1d00, 0x1d2b},   {0x1d6b, 0x1d77},   {0x1d79, 0x1d9a},   {0x1e00, 0x1f15},
    {0x1f18, 0x1f1d},   {0x1f20, 0x1f45},   {0x1f48, 0x1f4d},   {0x1f50, 0x1f57},
    {0x1f59, 0x1f59},   {0x1f5b, 0x1f5b},   {0x1f5d, 0x1f5d},   {0x1f5f, 0x1f7d},
    {0x1f80, 0x1fb4},   {0x1fb6, 0x1fbc},   {0x1fbe, 0x1fbe},   {0x1fc2, 0x1fc4},
    {0x1fc6, 0x1fcc},   {0x1fd0, 0x1fd3},   {0x1fd6, 0x1fdb},   {0x1fe0, 0x1fec},
    {0x1ff2, 0x1ff4},   {0x1ff6, 0x1ffc},   {0x2102, 0x2102},   {0x2107, 0x2107},
    {0x210a, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211d},   {0x2124, 0x2124},
    {0x2126, 0x2126},   {0x2128, 0x2128},   {0x212a, 0x212d},   {0x212f, 0x2134},
    {0x2139, 0x2139},   {0x213c, 0x213f},   {0x2145, 0x2149},   {0x214e, 0x214e},
    {0x2183, 0x2184},   {0x2c00, 0x2c7b},   {0x2c7e, 0x2ce4},   {0x2ceb, 0x2cee},
    {0x2cf2, 0x2cf3},   {0xa640, 0xa66d},   {0xa680, 0xa69b},   {0xa722, 0xa76f},
    {0xa771, 0xa787},   {0xa78b, 0xa78e},   {0xab70, 0xabbf},   {0xfb00, 0xfb06},
    {0xfb13, 0xfb17},   {0xff21, 0xff3a},   {0xff41, 0xff5a},   {0x10400, 0x1044f},
    {0x104b0, 0x104d3}, {0x104d8, 0x104fb}, {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2},
    {0x118a0, 0x118df}, {0x1e900, 0x1e943},
};

constexpr CodePointRange kWidePunctuation[] = {
    {0x2018, 0x201f}, {0x3000, 0x3002}, {0xff01, 0xff0f}, {0xff1a, 0xff5e}};

constexpr CodePointRange kUncased[] = {{0x800, 0x9fa5}, {0xac00, 0xd7ff}};

constexpr CodePointRange kHanAndKana[] = {{0x3040, 0x30ff}, {0x4e00, 0x9fa5}};

struct Row {
  std::vector<std::string_view> names;
  PreTokenizerSpec spec;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {{"default"}, {{{R"([\p{P}$+<=>^~|]+)"}, {kGpt2}, {R"(\p{N}+)"}, {"[0-9][0-9][0-9]"}}}},
      {{"gpt-2",        "gpt2",       "phi-2",           "mpt",        "olmo",       "jais",
        "exaone4",      "trillion",   "granite-docling", "gigachat",   "a.x-4.0",    "mellum",
        "modern-bert",  "jina-es",    "jina-de",         "jina-v1-en", "jina-v2-es", "jina-v2-de",
        "jina-v2-code", "roberta-bpe"},
       {{{kGpt2}}}},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano"},
       {{{kLlama3}}, true, true}},
      {{"glm4", "glm5"}, {{{kLlama3}}, true}},
      {{"dbrx", "smaug-bpe", "chatglm-bpe"}, {{{kLlama3}}}},
      {{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
        "solar-open", "grok-2"},
       {{{kQwen2}}}},
      {{"qwen35"}, {{{kQwen35}}}},
      {{"tekken"}, {{{kTekken}}, true, true}},
      {{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, {{{kGpt4o}}}},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
        "mellum2"},
       {{{R"(\p{N})"}, {kGpt2}}}},
      {{"falcon"}, {{{R"([\p{P}$+<=>^~|`]+)"}, {kGpt2}, {"[0-9][0-9][0-9]"}}}},
      {{"deepseek-llm"},
       {{{"[\r\n]"},
         {R"(\s?[A-Za-z\p{Set}]+)", kCasedLetters},
         {R"(\s?[!-/:-~\p{Set}]+)", kWidePunctuation},
         // Without the look-behind, and without a JIT, a search tries every space of a run.
         {R"((?<!\s)\s+$)"},
         {R"(\p{Set}+)", kUncased},
         {R"(\p{N}+)"}}}},
      {{"deepseek-coder"},
       {{{"[\r\n]"}, {R"(\s?\p{L}+)"}, {R"(\s?\p{P}+)"}, {R"(\p{Set}+)", kUncased}, {R"(\p{N})"}}}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
       {{{R"(\p{N}{1,3})"}, {R"(\p{Set}+)", kHanAndKana}, {kDeepseek3}}}},
  };
  return table;
}

}  // namespace

const PreTokenizerSpec* find_pre_tokenizer(std::string_view name) {
  for (const Row& row : rows()) {
    if (std::find(row.names.begin(), row.names.end(), name) != row.names.end()) return &row.spec;
  }
  return nullptr;
}

std::vector<std::string_view> pre_tokenizer_names() {
  std::vector<std::string_view> names;
  for (const Row& row : rows()) names.insert(names.end(), row.names.begin(), row.names.end());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace weft
