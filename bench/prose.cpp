#include "bench/prose.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <vector>

namespace weft::bench {
namespace {

// In order of frequency: about half of all words of English text.
constexpr const char* kCommonWords[] = {
    "the",     "of",      "and",    "to",      "a",       "in",     "that", "is",    "was",
    "he",      "for",     "it",     "with",    "as",      "his",    "on",   "be",    "at",
    "by",      "I",       "this",   "had",     "not",     "are",    "but",  "from",  "or",
    "have",    "an",      "they",   "which",   "one",     "you",    "were", "her",   "all",
    "she",     "there",   "would",  "their",   "we",      "him",    "been", "has",   "when",
    "who",     "will",    "more",   "no",      "if",      "out",    "so",   "said",  "what",
    "up",      "its",     "about",  "into",    "than",    "them",   "can",  "only",  "other",
    "new",     "some",    "could",  "time",    "these",   "two",    "may",  "then",  "do",
    "first",   "any",     "my",     "now",     "such",    "like",   "our",  "over",  "man",
    "me",      "even",    "most",   "made",    "after",   "also",   "did",  "many",  "before",
    "must",    "through", "years",  "where",   "much",    "your",   "way",  "well",  "down",
    "should",  "because", "each",   "just",    "those",   "people", "how",  "too",   "little",
    "state",   "good",    "very",   "make",    "world",   "still",  "own",  "see",   "men",
    "work",    "long",    "get",    "here",    "between", "both",   "life", "being", "under",
    "never",   "day",     "same",   "another", "know",    "while",  "last", "might", "us",
    "great",   "old",     "year",   "off",     "come",    "don't",  "it's", "I'm",   "didn't",
    "they're", "we'll",   "that's", "can't",   "house",   "water"};

constexpr const char* kSyllables[] = {
    "ab",  "ac",   "ad",  "al",  "an",  "ar",  "as",  "at",   "be",  "ber", "bi",  "bo",  "ca",
    "ce",  "ch",   "ci",  "co",  "com", "con", "cre", "da",   "de",  "der", "di",  "do",  "du",
    "e",   "ed",   "el",  "em",  "en",  "er",  "es",  "ex",   "fa",  "fi",  "for", "ful", "ga",
    "ge",  "gen",  "gra", "ha",  "hi",  "ho",  "i",   "in",   "ing", "ion", "is",  "ist", "it",
    "ity", "ive",  "ka",  "ke",  "la",  "le",  "les", "li",   "lo",  "ly",  "ma",  "man", "me",
    "men", "ment", "mi",  "mo",  "mu",  "na",  "ne",  "ness", "ni",  "no",  "o",   "on",  "or",
    "ous", "pa",   "par", "pe",  "per", "ph",  "pla", "po",   "pre", "pro", "ra",  "re",  "ri",
    "ro",  "sa",   "se",  "sh",  "si",  "so",  "st",  "su",   "ta",  "te",  "ter", "th",  "ti",
    "tic", "tion", "to",  "tra", "tri", "tu",  "u",   "un",   "va",  "ve",  "ver", "vi",  "way"};

// xorshift64*: the standard library's distributions differ between implementations.
class Random {
 public:
  uint64_t below(uint64_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1du >> 32) % limit;
  }
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  uint64_t state_ = 88172645463325252u;
};

std::vector<std::string> make_words(Random& random) {
  std::vector<std::string> words(std::begin(kCommonWords), std::end(kCommonWords));
  while (words.size() < 30000) {
    std::string word;
    for (uint64_t i = 0, count = 2 + random.below(3); i < count; ++i) {
      word += kSyllables[random.below(std::size(kSyllables))];
    }
    if (random.one_in(40)) word[0] = static_cast<char>(std::toupper(word[0]));  // a name
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

std::string make_prose(size_t size_bytes) {
  Random random;
  const std::vector<std::string> words = make_words(random);
  std::vector<uint64_t> cumulative;  // Zipf: word r has weight 1 / (r + 2), in millionths
  uint64_t total = 0;
  for (size_t rank = 0; rank < words.size(); ++rank) {
    cumulative.push_back(total += 1000000 / (rank + 2));
  }
  std::string text;
  while (text.size() < size_bytes) {
    const uint64_t length = 4 + random.below(20);
    for (uint64_t i = 0; i < length; ++i) {
      const auto pick = std::upper_bound(cumulative.begin(), cumulative.end(), random.below(total));
      std::string word = words[pick - cumulative.begin()];
      if (random.one_in(60)) word = std::to_string(random.below(random.one_in(2) ? 2030 : 50000));
      if (i == 0) word[0] = static_cast<char>(std::toupper(word[0]));
      if (random.one_in(80)) word = '"' + word + '"';
      if (i > 0) text += ' ';
      text += word;
      if (i + 1 < length && random.one_in(12)) text += random.one_in(8) ? " -" : ",";
    }
    text += random.one_in(10) ? "?" : random.one_in(12) ? "!" : ".";
    text += random.one_in(7) ? "\n\n" : " ";
  }
  text.resize(size_bytes);
  return text;
}

}  // namespace weft::bench
