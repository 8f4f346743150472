// What works on a block's shared memory beside its threads (kernels/cuda/device/hopper.h): barriers
// that count arrivals and bytes, copies in bulk, and the products of warpgroups. Each is as late as
// may be: a copy arrives when somebody waits for its barrier and everything else there has come, a
// product is computed when its group is waited for, and until then its results are NaN. So what a
// kernel does not wait for is seen: as a fault where memory is concerned, as a wrong result where
// registers are.
//
// Who may touch what a copy or a product touches is known by barriers: a thread has seen a phase of
// one if it waited for it, and with it all that those who arrived had done.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/cuda/device/host.h"
#include "tests/support/cuda_emulator/shared_memory.h"

namespace weft::test {

class AsyncMemory {
 public:
  explicit AsyncMemory(SharedMemory& shared) : shared_(shared) {}

  // For a new block.
  void reset(int threads);
  // Says what a block that returned left undone; "" if nothing.
  std::string unfinished() const;
  // All threads know of all that was done.
  void note_block_barrier();

  // Each says what is wrong; "" if nothing is.
  std::string init_barrier(const void* barrier, int arrivals, int thread);
  std::string fence_barriers(int thread);
  std::string arrive(const void* barrier, int bytes, const Moment& now);
  // Sets `over` if the phase has ended; else the thread waits until changes() has changed.
  std::string wait(const void* barrier, int parity, const Moment& now, bool& over);
  // Counts what may end somebody's wait.
  int64_t changes() const { return changes_; }
  std::string start_copy(void* to, const void* from, int bytes, const void* barrier,
                         const Moment& now);

  // By the 32 lanes of a warp, whose threads begin at `first`.
  struct Product {
    cuda::host::Mma kind = cuda::host::Mma::kHalf;
    int tokens = 0;
    uint64_t b = 0;
    bool accumulate = false;
    std::array<float*, cuda::kWarp> d{};
    std::array<const uint32_t*, cuda::kWarp> a{};
  };
  std::string fence(int first);
  std::string multiply(const Product& product, const Moment& now);
  std::string commit(int first);
  std::string wait_for_groups(int open, const Moment& now);

 private:
  using Clock = uint64_t;  // counts events of the block
  static constexpr int kMaxWarps = 32;
  static constexpr std::size_t kChunk = 16;  // bytes
  // Of each warp, up to when a thread knows what it did.
  using Known = std::array<Clock, kMaxWarps>;

  struct Copy {
    void* to;
    const void* from;
    int bytes;
  };
  struct Barrier {
    int id = 0;
    int arrivals = 0;   // of a phase
    int missing = 0;    // in this one
    int64_t bytes = 0;  // announced and not yet come
    int64_t phase = 0;
    bool fenced = false;
    int maker = 0;
    std::vector<Copy> copies;
    Known arrived{};   // what those who arrived in this phase knew
    Known released{};  // … in the one before
  };
  struct Chunk {
    int barrier = -1;  // that the copy which wrote it arrived at, in this phase
    int64_t phase = 0;
    int at_work = 0;  // products that may read it
    std::array<Clock, kMaxWarps> read{};
  };
  struct Pending {
    Product product;
    bool chained = false;       // to one before it that is at work on the same d
    std::vector<float> before;  // d: [lane][token][4]
    std::vector<std::size_t> chunks;
  };
  struct Warp {
    bool fenced = false;
    std::vector<Pending> open;                 // of no group yet
    std::vector<std::vector<Pending>> groups;  // oldest first
    // By the first lane's d: how many products are at work on it, and what those before them made.
    std::map<const float*, int> at_work;
    std::map<const float*, std::vector<float>> results;
    std::vector<std::array<uint64_t, 3>> made;  // what every warp of a warpgroup must do alike
  };

  Barrier* find(const void* barrier, std::string& wrong, const Moment& now);
  void end_phase(Barrier& barrier);
  void finish_copies(Barrier& barrier, const Moment& now);
  // Where element (k, column) of the right operand lies.
  static std::size_t operand_offset(uint64_t b, int k, int column);
  // The product's results, from what `d` holds.
  void compute(const Product& product, std::vector<float>& d) const;
  Known& known(int thread) { return known_[static_cast<std::size_t>(thread)]; }
  Chunk& chunk(std::size_t offset);
  std::string alike(int warp, const std::array<uint64_t, 3>& what);

  SharedMemory& shared_;
  std::map<const void*, Barrier> barriers_;
  std::vector<Chunk> chunks_;
  std::vector<Known> known_;
  std::vector<std::vector<int64_t>> seen_;  // [thread][barrier]: phases
  std::array<Warp, kMaxWarps> warps_;
  int num_warps_ = 0;
  int64_t changes_ = 0;
  Clock clock_ = 0;
};

// Products of warpgroups are a little off from now on, as on hardware whose bits are not mma's.
void set_warpgroup_arithmetic(bool same_as_mma);

}  // namespace weft::test
