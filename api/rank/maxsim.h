// Late interaction (MaxSim; Khattab & Zaharia, 2020, arXiv:2004.12832): a query and a document are
// sets of vectors, one a token, and
//
//   score(Q, D) = Σ over q in Q of max over d in D of q · d
//
// Each token of the query finds what answers it best, which ranks better than one vector a text.
//
//   auto query = engine->embed_tokens({&question, 1})->front();
//   auto pages = engine->embed_tokens(texts).value();
//   std::vector<weft::rank::Vectors> documents(pages.begin(), pages.end());
//   auto best = weft::rank::find_top_k(query, documents, 5);
//
// Every dot product has one order of summation (sixteen-byte lanes, then a tree) and every score
// one order of its sum, in double precision: the bits depend on the two sets alone, not on the
// number of threads or on what else is scored. Of equal similarities the lowest index counts, and
// of equal scores the lowest document comes first.
//
// All functions fail with kInvalidArgument, naming the set: no vectors, values that are no whole
// number of vectors, dimensions that differ, a value that is not finite, or a product beyond
// float32. Functions are thread-safe; threads they start end with the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "api/embedding.h"
#include "core/error.h"

namespace weft::rank {

// A set of vectors: a view of [rows, dim] values.
struct Vectors {
  std::span<const float> values;  // [rows, dim], row-major
  int64_t dim = 0;                // elements of each vector

  Vectors() = default;
  // Of any values.
  Vectors(std::span<const float> all, int64_t one_dim) : values(all), dim(one_dim) {}
  // Of a text's tokens; valid as long as the embedding is.
  Vectors(const Embedding& embedding) : values(embedding.values), dim(embedding.dim) {}

  int64_t rows() const { return dim > 0 ? std::ssize(values) / dim : 0; }  // vectors
};

// How sets of vectors are compared.
struct MaxSimOptions {
  bool normalize = false;  // divide by |Q|, so that long queries' scores compare with short ones'
  bool symmetric = false;  // (score(Q, D) + score(D, Q)) / 2, each normalised where asked for
  int threads = 1;         // the calling one included; 0: as many as this process may use
};

// Of one document.
Result<float> score(const Vectors& query, const Vectors& document,
                    const MaxSimOptions& options = {});

// The score of each document, in order.
Result<std::vector<float>> batch_score(const Vectors& query, std::span<const Vectors> documents,
                                       const MaxSimOptions& options = {});

// A document and its score.
struct Ranked {
  size_t index = 0;  // of the document
  float score = 0;   // as score() gives it

  bool operator==(const Ranked&) const = default;
};

// All documents, best first.
Result<std::vector<Ranked>> rank_documents(const Vectors& query, std::span<const Vectors> documents,
                                           const MaxSimOptions& options = {});

// The first k of rank_documents(), or all where there are fewer.
Result<std::vector<Ranked>> find_top_k(const Vectors& query, std::span<const Vectors> documents,
                                       size_t k, const MaxSimOptions& options = {});

// q · d of every pair: [query rows, document rows].
struct SimilarityMatrix {
  int64_t rows = 0;           // vectors of the query
  int64_t cols = 0;           // vectors of the document
  std::vector<float> values;  // row-major

  // q · d of one pair.
  float at(int64_t row, int64_t col) const { return values[static_cast<size_t>(row * cols + col)]; }
};
// Of the options only threads counts.
Result<SimilarityMatrix> similarity_matrix(const Vectors& query, const Vectors& document,
                                           const MaxSimOptions& options = {});

// A vector of the query and the one of the document that answers it best.
struct Match {
  int64_t query = 0;     // index of the vector in its set
  int64_t document = 0;  // index of the other in its own
  float similarity = 0;  // q · d

  bool operator==(const Match&) const = default;
};
// One for each vector of the query, in order: what a score is the sum of. Of the options only
// threads counts.
Result<std::vector<Match>> best_matches(const Vectors& query, const Vectors& document,
                                        const MaxSimOptions& options = {});

}  // namespace weft::rank
