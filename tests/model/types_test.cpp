// Every type that weights can be made in, on every kernel table: as true as the oracle, and the
// same bits for any cut of the prompt and any number of threads.
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/dtype.h"
#include "gguf/quantize/encode.h"
#include "tests/model/isa_test.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

struct TypeCase {
  std::string name;
  DType type;
};

void PrintTo(const TypeCase& type, std::ostream* out) { *out << type.name; }

std::vector<TypeCase> types_with_encoders() {
  std::vector<TypeCase> cases;
  for (const DTypeInfo& info : all_dtypes()) {
    if (encode_row_function(info.type) == nullptr) continue;
    cases.push_back({.name = std::string(info.name), .type = info.type});
  }
  return cases;
}

using Types = IsaCaseTest<TypeCase>;

TEST_P(Types, AreTrueAndTheSameForAnyCut) {
  // Rows of 256 everywhere: whole blocks of any type.
  const TestModel model = make_test_model({.n_layers = 1,
                                           .n_embd = 256,
                                           .n_heads = 2,
                                           .n_kv_heads = 1,
                                           .head_dim = 128,
                                           .ffn_dim = 256,
                                           .n_vocab = 48,
                                           .type = test_case().type});
  const TokenIds ids = Random(21, "ids").ids(23, model.config.n_vocab);
  const auto one_thread = make_cpu_backend(isa(), 1);
  const auto three_threads = make_cpu_backend(isa(), 3);
  const auto decoder = make_decoder(model, *one_thread);
  const Logits whole = run_chunked(*decoder, *one_thread, ids, 0);
  EXPECT_TRUE(same_bits(whole, run_chunked(*decoder, *one_thread, ids, 1))) << "a token at a time";
  EXPECT_TRUE(same_bits(whole, run_chunked(*decoder, *three_threads, ids, 7))) << "chunks of 7";
  const DoubleMatrix truth = reference_logits(model.config, model.tensors, ids);
  const LogitsDifference difference = compare_logits(truth, whole);
  EXPECT_LE(difference.mean_kl, kMaxMeanKl) << difference;
  EXPECT_LE(difference.max_relative, kMaxRelative) << difference;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Types,
                         testing::Combine(testing::ValuesIn(cpu_isas()),
                                          testing::ValuesIn(types_with_encoders())),
                         isa_case_name<TypeCase>);

}  // namespace
}  // namespace weft::test
