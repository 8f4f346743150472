// A runner without a model. What a slot of its KV pool holds is a hash of the whole prefix up to
// the token that was written there, so that attention over a wrong, stale or shared slot is seen
// at once, and the next id is drawn from it, so that it changes what comes out too.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "scheduler/step_scheduler.h"

namespace weft::test {

inline constexpr int32_t kSimulatedVocabulary = 1000;

inline uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9u;
  return x ^ (x >> 32);
}

inline uint64_t prefix_hash(std::span<const int32_t> ids, uint64_t salt) {
  uint64_t hash = mix(salt, 1);
  for (const int32_t id : ids) hash = mix(hash, static_cast<uint64_t>(id));
  return hash;
}

// The next id, as a model with sampler `seed` draws it after a prefix.
inline int32_t next_id(uint64_t hash, uint64_t seed) {
  return static_cast<int32_t>(mix(hash, seed) % kSimulatedVocabulary);
}

// What a generation must come to, whatever happens around it.
inline std::vector<int32_t> solo(std::vector<int32_t> ids, int64_t max_tokens, uint64_t seed,
                                 uint64_t salt) {
  uint64_t hash = prefix_hash(ids, salt);
  for (int64_t i = 0; i < max_tokens; ++i) {
    ids.push_back(next_id(hash, seed));
    hash = mix(hash, static_cast<uint64_t>(ids.back()));
  }
  return ids;
}

class SimulatedRunner {
 public:
  SimulatedRunner(const BlockManager& blocks)
      : blocks_(blocks),
        slots_(static_cast<size_t>(blocks.capacity()) * static_cast<size_t>(blocks.block_size())) {}

  // Runs a step: writes, attends, advances num_computed. Returns the first thing that is wrong, or
  // nothing. hash_of(i) gives what the last slot of step i held.
  std::string run(const StepPlan& plan) {
    for (const BlockCopy& copy : plan.copies) {
      const int32_t n = blocks_.block_size();
      std::copy_n(slots_.begin() + copy.from * n, n, slots_.begin() + copy.to * n);
    }
    written_.clear();
    hashes_.clear();
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const Sequence& s = *plan.steps[i].sequence;
      const int64_t end = s.num_computed + plan.steps[i].num_tokens;
      if (plan.steps[i].num_tokens < 1 || end > std::ssize(s.ids)) return wrong(i, "its tokens");
      if (end > std::ssize(s.blocks.blocks) * blocks_.block_size()) return wrong(i, "its room");
      uint64_t hash = prefix_hash(std::span(s.ids).first(static_cast<size_t>(s.num_computed)),
                                  plan.states[i]->cache_salt);
      for (int64_t p = s.num_computed; p < end; ++p) {
        hash = mix(hash, static_cast<uint64_t>(s.ids[p]));
        const int32_t slot = blocks_.slot(s.blocks, p);
        slots_[slot] = hash;
        const auto [it, first] = written_.emplace(slot / blocks_.block_size(), &s);
        if (!first && it->second != &s) return wrong(i, "a block that another writes too");
      }
    }
    // Attention runs after all writes, as in a step of a model.
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      Sequence& s = *plan.steps[i].sequence;
      const int64_t end = s.num_computed + plan.steps[i].num_tokens;
      uint64_t hash = prefix_hash({}, plan.states[i]->cache_salt);
      uint64_t read = 0;
      for (int64_t p = 0; p < end; ++p) {
        hash = mix(hash, static_cast<uint64_t>(s.ids[p]));
        read = slots_[blocks_.slot(s.blocks, p)];
        if (read != hash) return wrong(i, "what position " + std::to_string(p) + " holds");
        const auto it = written_.find(s.blocks.blocks[p / blocks_.block_size()]);
        if (it != written_.end() && it->second != &s)
          return wrong(i, "a block under another's pen");
      }
      hashes_.push_back(read);
    }
    for (const SequenceStep& step : plan.steps) step.sequence->num_computed += step.num_tokens;
    return {};
  }

  // After run(): what the last position of step i holds.
  uint64_t hash_of(size_t i) const { return hashes_[i]; }

 private:
  static std::string wrong(size_t i, const std::string& what) {
    return "step " + std::to_string(i) + ": " + what + " is wrong";
  }

  const BlockManager& blocks_;
  std::vector<uint64_t> slots_;
  std::map<int32_t, const Sequence*> written_;
  std::vector<uint64_t> hashes_;
};

}  // namespace weft::test
