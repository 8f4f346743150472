// What a template may use while it is parsed and rendered, and the account of it. A template comes
// with a model file: it is foreign, and may be made to run for ever or to fill the memory.
// Knows no values and no syntax. Owned by one render.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weft::jinja {

// What one template may use; what is beyond ends it with kLimitExceeded.
struct Limits {
  // Of the source, in bytes; the largest template in use has some 20,000.
  size_t source_bytes = size_t{1} << 20;
  // Statements and expressions evaluated, and one more for each 64 bytes that are copied or
  // looked through. A talk of a hundred turns takes a few ten thousand.
  uint64_t steps = 10'000'000;
  size_t output_bytes = size_t{64} << 20;  // Of the rendered text.
  // Live strings, lists and dicts made by the template, in bytes.
  size_t value_bytes = size_t{256} << 20;
  // Blocks in blocks and, two levels each, brackets in brackets of the source.
  uint32_t parse_depth = 200;
  // Statements and expressions being evaluated inside each other, calls of macros included.
  // A level takes under 1 KiB of the stack.
  uint32_t eval_depth = 500;
  // Lists and dicts inside each other.
  uint32_t value_depth = 100;
};

// Bytes that are alive now, of one render. Outlives every value that is charged to it.
struct Ledger {
  size_t live_bytes = 0;  // of all values charged to it
};

// A value's part of a ledger: taken when it is made, given back when it goes.
class Charge {
 public:
  Charge() = default;  // of nothing
  // Takes `bytes` of `ledger`.
  Charge(Ledger& ledger, size_t bytes) : ledger_(&ledger), bytes_(bytes) {
    ledger.live_bytes += bytes;
  }
  // What is moved from is of nothing.
  Charge(Charge&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  // Both exchange what they hold.
  Charge& operator=(Charge&& other) noexcept {
    std::swap(ledger_, other.ledger_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (ledger_) ledger_->live_bytes -= bytes_;
  }

 private:
  Ledger* ledger_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace weft::jinja
