#include "tools/synth/bpe_trainer.h"

#include <map>
#include <set>
#include <utility>

namespace weft::synth {
namespace {

using Pair = std::pair<std::string, std::string>;

class Trainer {
 public:
  explicit Trainer(std::vector<TrainingWord> words) : words_(std::move(words)) {
    for (size_t i = 0; i < words_.size(); ++i) count_pairs(i, +1);
  }

  // Null when there is nothing left to join.
  const Pair* best() const {
    const Pair* best = nullptr;
    int64_t best_count = 0;
    // std::map walks in byte order, so that the first of equals stays.
    for (const auto& [pair, stats] : pairs_) {
      if (stats.count > best_count) {
        best = &pair;
        best_count = stats.count;
      }
    }
    return best;
  }

  // Joins `pair` wherever it stands; by value, since the table it lives in changes.
  std::string join(Pair pair) {
    const std::string joined = pair.first + pair.second;
    const std::set<size_t> affected = pairs_.at(pair).words;
    for (const size_t i : affected) {
      count_pairs(i, -1);
      std::vector<std::string>& pieces = words_[i].pieces;
      for (size_t at = 0; at + 1 < pieces.size(); ++at) {
        if (pieces[at] == pair.first && pieces[at + 1] == pair.second) {
          pieces[at] = joined;
          pieces.erase(pieces.begin() + static_cast<ptrdiff_t>(at) + 1);
        }
      }
      count_pairs(i, +1);
    }
    return joined;
  }

 private:
  struct Stats {
    int64_t count = 0;
    std::set<size_t> words;  // in which the pair stands
  };

  void count_pairs(size_t word, int sign) {
    const TrainingWord& w = words_[word];
    for (size_t at = 0; at + 1 < w.pieces.size(); ++at) {
      const Pair pair{w.pieces[at], w.pieces[at + 1]};
      Stats& stats = pairs_[pair];
      stats.count += sign * w.count;
      if (sign > 0) {
        stats.words.insert(word);
      } else {
        stats.words.erase(word);
      }
      if (stats.count == 0) pairs_.erase(pair);
    }
  }

  std::vector<TrainingWord> words_;
  std::map<Pair, Stats> pairs_;
};

}  // namespace

std::vector<std::string> train_bpe(std::vector<TrainingWord> words, size_t max_pieces) {
  Trainer trainer(std::move(words));
  std::vector<std::string> made;
  // Two pairs can make the same text ("t" + "he", "th" + "e"); it is one piece.
  std::set<std::string> known;
  while (made.size() < max_pieces) {
    const Pair* pair = trainer.best();
    if (!pair) break;
    const std::string joined = trainer.join(*pair);
    if (known.insert(joined).second) made.push_back(joined);
  }
  return made;
}

}  // namespace weft::synth
