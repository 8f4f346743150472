// Random numbers for tests: the same on every machine and with every library, because they are
// nothing but integer arithmetic (splitmix64: Steele, Lea & Flood, OOPSLA 2014) and exact sums.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::test {

class Random {
 public:
  // Streams of one seed are told apart by name, so that adding one leaves the others alone.
  explicit Random(uint64_t seed, std::string_view stream = "") : state_(seed) {
    for (const char c : stream) {
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;  // FNV-1a
    }
  }

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Evenly in [0, bound). The bias of the remainder is below 2^-32 for any bound used here.
  int32_t below(int32_t bound) {
    return static_cast<int32_t>(next() % static_cast<uint64_t>(bound));
  }

  // In [0, 1), a multiple of 2^-24.
  double uniform() { return static_cast<double>(next() >> 40) * 0x1p-24; }

  // Mean 0, variance 1, bell-shaped, within ±2√3: the sum of four uniform numbers.
  double bell() {
    double sum = -2.0;
    for (int i = 0; i < 4; ++i) sum += uniform();
    return sum * 1.7320508075688772;
  }

  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(static_cast<int32_t>(i))]);
    }
  }

  std::vector<int32_t> ids(int64_t count, int32_t n_vocab) {
    std::vector<int32_t> result(count);
    for (int32_t& id : result) id = below(n_vocab);
    return result;
  }

 private:
  uint64_t state_;
};

}  // namespace weft::test
