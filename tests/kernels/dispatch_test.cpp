#include "kernels/cpu/dispatch.h"

#include <cstdlib>

#include "tests/kernels/support.h"

namespace weft::test {
namespace {

// Sets WEFT_ISA for a test's duration.
class Forced {
 public:
  explicit Forced(const char* isa) {
    if (const char* before = std::getenv("WEFT_ISA")) before_ = before;
    setenv("WEFT_ISA", isa, 1);
  }
  ~Forced() {
    if (before_.empty()) {
      unsetenv("WEFT_ISA");
    } else {
      setenv("WEFT_ISA", before_.c_str(), 1);
    }
  }

 private:
  std::string before_;
};

// But AMX, for which the system is asked as well.
CpuFeatures everything() {
  CpuFeatures features;
  features.avx2 = features.fma = features.f16c = true;
  features.avx512f = features.avx512bw = features.avx512dq = features.avx512vl = true;
  features.avx512_vnni = true;
  features.neon = features.arm_dotprod = true;
  return features;
}

class KernelSets : public IsaTestBase<::testing::TestWithParam<std::string>> {};

TEST_P(KernelSets, RunHere) { require(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Build, KernelSets, ::testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const cpu::KernelTable* table : cpu::all_tables())
                             names.emplace_back(table->isa);
                           return names;
                         }()),
                         isa_name);

TEST(Dispatch, TakesTheBestThatTheProcessorRuns) {
  const Forced none("");
  EXPECT_STREQ(cpu::choose_table("", {}).value()->isa, "scalar");
  const cpu::KernelTable* best = nullptr;
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (table->supported(everything())) best = table;
  }
  EXPECT_STREQ(cpu::choose_table("", everything()).value()->isa, best->isa);
}

TEST(Dispatch, TheOptionGoesBeforeTheEnvironment) {
  const Forced environment("nonsense");
  EXPECT_STREQ(cpu::choose_table("scalar", everything()).value()->isa, "scalar");
}

TEST(Dispatch, TheEnvironmentForcesATable) {
  const Forced environment("scalar");
  EXPECT_STREQ(cpu::choose_table("", everything()).value()->isa, "scalar");
}

TEST(Dispatch, AnUnknownNameIsRefusedAndTheOthersNamed) {
  const Forced environment("avx9");
  const auto table = cpu::choose_table("", everything());
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(table.error().message.find("WEFT_ISA"), std::string::npos);
  EXPECT_NE(table.error().message.find("'avx9'"), std::string::npos);
  EXPECT_NE(table.error().message.find("scalar"), std::string::npos);
}

TEST(Dispatch, ATableThatTheProcessorLacksIsRefused) {
  if (cpu::all_tables().size() < 2) GTEST_SKIP() << "this build has the scalar table only";
  const auto table = cpu::choose_table(cpu::all_tables().back()->isa, {});
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, ErrorCode::kUnsupported);
}

TEST(CpuBackend, RefusesThreadCountsOutsideTheRange) {
  for (const int threads : {-1, 1025}) {
    const auto backend = create_cpu_backend({.threads = threads, .isa = "scalar"});
    ASSERT_FALSE(backend.has_value());
    EXPECT_EQ(backend.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(CpuBackend, DescribesItself) {
  EXPECT_EQ(make_backend("scalar", 2)->description(), "cpu scalar, 2 threads");
  EXPECT_EQ(make_backend("scalar", 1)->description(), "cpu scalar, 1 thread");
}

TEST(CpuBackend, MemoryIsZeroedAndAligned) {
  const auto backend = make_backend("scalar");
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100001}}) {
    const auto buffer = backend->allocate(size);
    ASSERT_TRUE(buffer.has_value());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->as<std::byte>()) % 64, 0u);
    EXPECT_EQ(buffer->size_bytes(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(buffer->as<std::byte>()[i], std::byte{0});
  }
}

TEST(CpuBackend, MemoryThatCannotBeHadIsAnError) {
  const auto backend = make_backend("scalar");
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX / 2}) {
    const auto buffer = backend->allocate(size);
    ASSERT_FALSE(buffer.has_value());
    EXPECT_EQ(buffer.error().code, ErrorCode::kOutOfMemory);
    EXPECT_NE(buffer.error().message.find(std::to_string(size)), std::string::npos);
  }
}

TEST(CpuBackend, VectorsOfHalvesAreReadAsFloats) {
  const auto backend = make_backend("scalar");
  Random random(1);
  for (const DType type : {DType::kF16, DType::kBF16}) {
    const TestWeight gain(*backend, random, type, 1, 33);
    std::vector<float> x(33, 1.0f);
    backend->rms_norm(mat(x, 1), *gain.weight, 0.0f, mat(x, 1));
    EXPECT_TRUE(same_bits(x, gain.values));
  }
}

}  // namespace
}  // namespace weft::test
