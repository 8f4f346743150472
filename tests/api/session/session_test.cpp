// A context that is saved and loaded: what it gives next is what it would have given.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "api/model.h"
#include "api/session/session_file.h"
#include "tests/api/fixture_model.h"
#include "tests/support/fixtures.h"
#include "tests/support/random.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using Ids = std::vector<int32_t>;

std::unique_ptr<Context> context(const ContextParams& params = {.n_ctx = 256},
                                 const std::shared_ptr<const Model>& model = test::mini_fixture()) {
  auto made = Context::create(model, params);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

Ids prompt(int32_t n) { return test::Random(7).ids(n, 96); }

GenerateOptions options(int32_t n) {
  return {.max_tokens = n,
          .sampling = {.temperature = 1,
                       .top_k = 0,
                       .repetition_penalty = 1.3f,
                       .presence_penalty = 0.5f,
                       .frequency_penalty = 0.25f,
                       .seed = 77,
                       .logit_bias = {{5, 2.0f}}},
          .ignore_eos = true};
}

Ids ids_of(const Result<Generation>& generation) {
  EXPECT_TRUE(generation) << generation.error().message;
  return generation ? generation->ids : Ids();
}

Ids joined(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Goes on with what the session says it was drawn with.
Ids resumed(Context& c, int32_t n) {
  GenerateOptions more = options(n);
  more.sampling = c.sampling();
  return ids_of(c.resume({}, more));
}

TEST(Session, ResumedInTheSameContextIsTheUninterruptedRun) {
  const Ids whole = ids_of(context()->generate(prompt(30), options(60)));
  for (const int32_t cut : {1, 2, 17, 18, 59}) {  // 30 + 18 = three blocks
    auto c = context();
    const Ids first = ids_of(c->generate(prompt(30), options(cut)));
    EXPECT_EQ(joined(first, resumed(*c, 60 - cut)), whole) << cut;
    EXPECT_EQ(Ids(c->ids().begin(), c->ids().end()), joined(prompt(30), whole));
  }
}

TEST(Session, LoadedInAnotherContextIsTheUninterruptedRun) {
  const test::TempFolder folder;
  const std::string path = folder.path("s");
  for (const std::string kv_type : {"f32", "f16", "bf16", "q8_0"}) {
    for (const int32_t block_size : {1, 16, 64}) {
      const ContextParams params{.n_ctx = 256, .block_size = block_size, .kv_type = kv_type};
      const Ids whole = ids_of(context(params)->generate(prompt(30), options(60)));
      for (const int32_t cut : {1, 18, 59}) {
        auto c = context(params);
        const Ids first = ids_of(c->generate(prompt(30), options(cut)));
        ASSERT_TRUE(c->save(path));
        auto other = context(
            {.n_ctx = 300, .max_batch_tokens = 7, .block_size = block_size, .kv_type = kv_type},
            test::load_fixture("weft-mini-llama-F32", {.threads = 2}));
        other->generate(prompt(90), options(20));  // its blocks hold something else
        const auto loaded = other->load(path);
        ASSERT_TRUE(loaded) << loaded.error().message;
        // All whole blocks came with the file.
        EXPECT_EQ(other->num_computed(), (30 + cut - 1) / block_size * block_size);
        EXPECT_EQ(joined(first, resumed(*other, 60 - cut)), whole)
            << kv_type << ", " << block_size << ", " << cut;
      }
    }
  }
}

TEST(Session, EveryArchitectureAndModeGoesOn) {
  const test::TempFolder folder;
  for (const test::Fixture& fixture : test::fixtures()) {
    for (const std::string activations : {"f32", "auto"}) {
      const auto model =
          test::load_fixture(fixture.name, {.threads = 1, .activations = activations});
      auto whole = context({.n_ctx = 256}, model), c = context({.n_ctx = 256}, model);
      const Ids all = ids_of(whole->generate(prompt(40), options(30)));
      const Ids first = ids_of(c->generate(prompt(40), options(11)));
      ASSERT_TRUE(c->save(folder.path("s")));
      auto other = context({.n_ctx = 256}, model);
      ASSERT_TRUE(other->load(folder.path("s")));
      EXPECT_EQ(other->num_computed(), 48);
      EXPECT_EQ(joined(first, resumed(*other, 19)), all) << fixture.name;
    }
  }
}

// Keys and values of another layout are computed again.
TEST(Session, KvThatDoesNotFitIsComputedAgain) {
  const test::TempFolder folder;
  auto c = context();
  c->generate(prompt(30), options(20));
  ASSERT_TRUE(c->save(folder.path("s")));
  const Ids next = resumed(*c, 30);
  const auto scalar = test::load_fixture("weft-mini-llama-F32", {.threads = 1, .isa = "scalar"});
  const auto lossless = ContextParams{.n_ctx = 256, .kv_type = "f32"};
  for (auto& other : {context({.n_ctx = 256, .block_size = 8}),
                      context({.n_ctx = 256, .kv_type = "bf16"}), context(lossless, scalar)}) {
    ASSERT_TRUE(other->load(folder.path("s")));
    EXPECT_EQ(other->num_computed(), 0);
    EXPECT_EQ(resumed(*other, 30).size(), next.size());
  }
  // Where only the blocks are others, so that the arithmetic is the same, so are the ids.
  auto blocks_of_8 = context({.n_ctx = 256, .block_size = 8});
  ASSERT_TRUE(blocks_of_8->load(folder.path("s")));
  EXPECT_EQ(resumed(*blocks_of_8, 30), next);
}

TEST(Session, MoreIdsMayComeBeforeItGoesOn) {
  const test::TempFolder folder;
  auto c = context(), other = context();
  c->generate(prompt(30), options(20));
  ASSERT_TRUE(c->save(folder.path("s")));
  ASSERT_TRUE(other->load(folder.path("s")));
  const Ids more = {9, 8, 7};
  const auto a = c->resume(more, options(20)), b = other->resume(more, options(20));
  EXPECT_EQ(ids_of(a), ids_of(b));
  // All before is prompt: as if the whole had been one.
  EXPECT_EQ(ids_of(context()->generate(a->prompt_ids, options(20))), ids_of(a));
  EXPECT_EQ(std::ssize(a->prompt_ids), 53);
}

TEST(Session, EqualContextsGiveEqualFiles) {
  const test::TempFolder folder;
  const auto saved = [&](Context& c, const std::string& name) {
    EXPECT_TRUE(c.save(folder.path(name)));
    std::ifstream in(folder.path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  auto a = context(), b = context();
  b->generate(prompt(100), options(50));  // what is left of it in the pool goes nowhere
  a->generate(prompt(30), options(20));
  b->generate(prompt(30), options(20));
  EXPECT_EQ(saved(*a, "a"), saved(*b, "b"));
  auto c = context();
  ASSERT_TRUE(c->load(folder.path("a")));
  EXPECT_EQ(saved(*c, "c"), saved(*a, "a"));
}

TEST(Session, WhatCannotBeLoadedLeavesTheContextAsItWas) {
  const test::TempFolder folder;
  const std::string path = folder.path("s");
  auto c = context();
  c->generate(prompt(40), options(20));
  ASSERT_TRUE(c->save(path));
  auto before = context(), same = context();
  const GenerateOptions first{.max_tokens = 10, .sampling = {.seed = 5}};
  before->generate(prompt(20), first);
  same->generate(prompt(20), first);
  const Ids next = resumed(*same, 40);

  const auto refused = [&](Context& into, ErrorCode code, const std::string& part) {
    const Ids ids(into.ids().begin(), into.ids().end());
    const int64_t computed = into.num_computed();
    const auto loaded = into.load(path);
    ASSERT_FALSE(loaded) << part;
    EXPECT_EQ(loaded.error().code, code);
    EXPECT_TRUE(loaded.error().message.starts_with(path + ": ")) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(part), std::string::npos) << loaded.error().message;
    EXPECT_TRUE(std::ranges::equal(into.ids(), ids));
    EXPECT_EQ(into.num_computed(), computed);
    EXPECT_EQ(into.sampling().seed, ids.empty() ? 42u : 5u);
  };
  refused(*context({.n_ctx = 59}), ErrorCode::kLimitExceeded, "60 tokens, the context holds 59");
  const auto qwen = test::load_fixture("weft-mini-qwen3-Q8_0", {.threads = 1});
  refused(*context({.n_ctx = 256}, qwen), ErrorCode::kInvalidArgument, "another model");

  std::ifstream in(path, std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  const auto write = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  test::Random random(3);
  const auto size = static_cast<int32_t>(whole.size());
  for (int i = 0; i < 300; ++i) {
    write(whole.substr(0, static_cast<size_t>(random.below(size))));
    refused(*before, ErrorCode::kInvalidArgument, "cut off");
  }
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    const auto at = static_cast<size_t>(16 + random.below(size - 16));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
    write(damaged);
    refused(*before, ErrorCode::kInvalidArgument, "damaged");
  }
  // Well sealed, and wrong all the same.
  const auto forged = [&](const Session& session, ErrorCode code, const std::string& part) {
    ASSERT_TRUE(write_session(path, session, {}));
    refused(*before, code, part);
  };
  const uint64_t model = test::mini_fixture()->info().fingerprint;
  forged({.model = model, .ids = {1, 96}}, ErrorCode::kTokenOutOfRange, "token id 96");
  forged({.model = model, .ids = {1, -1}}, ErrorCode::kTokenOutOfRange, "token id -1");
  forged({.model = model, .ids = {1}, .sampling = {.top_p = 7}}, ErrorCode::kInvalidArgument,
         "top_p");
  EXPECT_EQ(resumed(*before, 40), next);
}

TEST(Session, ResumeSaysWhatIsWrong) {
  auto c = context({.n_ctx = 64});
  EXPECT_EQ(c->resume({}, options(5)).error().code, ErrorCode::kInvalidArgument);
  c->generate(prompt(30), options(20));
  EXPECT_EQ(c->resume({}, options(15)).error().code, ErrorCode::kContextOverflow);
  EXPECT_EQ(c->resume(Ids{96}, options(5)).error().code, ErrorCode::kTokenOutOfRange);
  EXPECT_EQ(c->ids().size(), 50u);
  EXPECT_TRUE(c->resume(Ids{3}, options(13)));
  EXPECT_EQ(c->save("/no/such/folder/s").error().code, ErrorCode::kNotFound);
}

// A model with the same sizes and other weights is another model.
TEST(Session, TheFingerprintSeesWeights) {
  const test::TempFolder folder;
  const std::string path = (test::fixtures_folder() / "weft-mini-llama-F32.gguf").string();
  std::ifstream in(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  bytes[bytes.size() - 6000] = static_cast<char>(bytes[bytes.size() - 6000] ^ 1);
  std::ofstream(folder.path("m.gguf"), std::ios::binary) << bytes;
  const auto other = Model::load(folder.path("m.gguf"));
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE((*other)->info().fingerprint, test::mini_fixture()->info().fingerprint);
  EXPECT_EQ(test::load_fixture("weft-mini-llama-F32", {.use_mmap = false})->info().fingerprint,
            test::mini_fixture()->info().fingerprint);
}

}  // namespace
}  // namespace weft
