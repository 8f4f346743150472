// Independent chains of one instruction, in registers. Included by files compiled for different
// instruction sets, so everything here has internal linkage.
#pragma once

#include <cstdint>

namespace weft::cpu {
namespace {

// Two instructions a cycle of five cycles' latency want ten; sixteen registers hold twelve and
// their operands.
constexpr int kChains = 12;

// Every chain takes one step a round. The steps are volatile assembly: a compiler neither drops
// them nor turns them into others. The chains have names since compilers keep the elements of an
// array in memory here.
template <class Vector, class Step>
inline __attribute__((always_inline)) void run_chains(int64_t rounds, const Step& step) {
  Vector a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, k{}, l{};
  for (int64_t round = 0; round < rounds; ++round) {
    step(a), step(b), step(c), step(d), step(e), step(f);
    step(g), step(h), step(i), step(j), step(k), step(l);
  }
}

}  // namespace
}  // namespace weft::cpu
