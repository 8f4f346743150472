// The project's own reference models, tests/fixtures/weft-mini-*: small files whose logits the
// oracle has computed, so that a clone alone can test against reference logits. They are made by
// the program make_fixtures and change only together with what is written here.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/compare.h"
#include "tests/support/test_model.h"

namespace weft::test {

struct Fixture {
  std::string name;  // "weft-mini-llama-F32"
  TestModelSpec spec;
};

const std::vector<Fixture>& fixtures();

// The ids that every fixture's logits belong to: BOS and two dozen others.
std::vector<int32_t> fixture_ids();

// tests/fixtures
std::filesystem::path fixtures_folder();

// Writes NAME.gguf, NAME.logits.f32 (float32 [ids, n_vocab], rounded from double) and
// weft-mini.tokens (the ids, separated by commas). Fails naming the file.
Result<void> write_fixture(const Fixture& fixture, const std::filesystem::path& folder);
Result<void> write_fixture_ids(const std::filesystem::path& folder);

// A file of float32 as logits of a vocabulary of this size.
Result<Logits> read_logits(const std::filesystem::path& path, int64_t n_vocab);

// A file of ids separated by commas.
Result<std::vector<int32_t>> read_ids(const std::filesystem::path& path);

}  // namespace weft::test
