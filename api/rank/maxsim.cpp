#include "api/rank/maxsim.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/rank/dots.h"
#include "core/platform/cpus.h"
#include "core/thread_pool.h"

namespace weft::rank {
namespace {

// Queries whose best matches are kept at once: a few rows of the document are read from memory and
// meet this many queries while they are in the first cache.
constexpr int64_t kQueryTile = 16;

Error bad(const std::string& set, const std::string& what) {
  return {ErrorCode::kInvalidArgument, set + ": " + what};
}

// What is wrong with a set, by itself and beside the query's dimension (0: it is the query).
std::optional<Error> fault(const Vectors& set, const std::string& name, int64_t query_dim = 0) {
  if (set.dim < 1) {
    return bad(name, "dimension " + std::to_string(set.dim) + ", expected at least 1");
  }
  if (query_dim > 0 && set.dim != query_dim) {
    return bad(name, "dimension " + std::to_string(set.dim) + ", the query's is " +
                         std::to_string(query_dim));
  }
  if (set.values.empty()) return bad(name, "no vectors, expected at least one");
  if (std::ssize(set.values) % set.dim != 0) {
    return bad(name, std::to_string(set.values.size()) + " values, expected a multiple of " +
                         std::to_string(set.dim));
  }
  for (size_t i = 0; i < set.values.size(); ++i) {
    if (std::isfinite(set.values[i])) continue;
    const auto at = static_cast<int64_t>(i);
    return bad(name, "vector " + std::to_string(at / set.dim) + ", element " +
                         std::to_string(at % set.dim) + " is " + std::to_string(set.values[i]) +
                         ", expected a finite number");
  }
  return std::nullopt;
}

Error too_large(const std::string& name) { return bad(name, "a product is beyond float32"); }

// take(q, d, q · d) for every q from `begin` to `end` and every d, for each q in ascending order of
// d. False where a product is not finite.
template <class Take>
bool each_product(const Vectors& query, int64_t begin, int64_t end, const Vectors& document,
                  const Take& take) {
  const int64_t dim = query.dim, rows = document.rows();
  float products[kDotRows];
  bool finite = true;
  for (int64_t d = 0; d < rows; d += kDotRows) {
    const int n = static_cast<int>(std::min<int64_t>(kDotRows, rows - d));
    for (int64_t q = begin; q < end; ++q) {
      dots(query.values.data() + q * dim, document.values.data() + d * dim, n, dim, products);
      for (int r = 0; r < n; ++r) {
        finite = finite && std::isfinite(products[r]);
        take(q, d + r, products[r]);
      }
    }
  }
  return finite;
}

// take(Match) for queries `begin` to `end`, in order.
template <class Take>
bool each_match(const Vectors& query, int64_t begin, int64_t end, const Vectors& document,
                const Take& take) {
  for (int64_t first = begin; first < end; first += kQueryTile) {
    const int64_t n = std::min(kQueryTile, end - first);
    Match best[kQueryTile];
    for (int64_t i = 0; i < n; ++i) {
      best[i] = {first + i, 0, -std::numeric_limits<float>::infinity()};
    }
    const bool finite =
        each_product(query, first, first + n, document, [&](int64_t q, int64_t d, float product) {
          Match& match = best[q - first];
          if (product <= match.similarity) return;
          match.document = d;
          match.similarity = product;
        });
    if (!finite) return false;
    for (int64_t i = 0; i < n; ++i) take(best[i]);
  }
  return true;
}

// Σ_q max_d q · d; not a number where a product is not finite.
double directed(const Vectors& query, const Vectors& document, bool normalize) {
  double sum = 0;
  const bool finite = each_match(query, 0, query.rows(), document,
                                 [&](const Match& match) { sum += match.similarity; });
  if (!finite) return std::numeric_limits<double>::quiet_NaN();
  return normalize ? sum / static_cast<double>(query.rows()) : sum;
}

float unchecked_score(const Vectors& query, const Vectors& document, const MaxSimOptions& options) {
  double score = directed(query, document, options.normalize);
  if (options.symmetric) score = (score + directed(document, query, options.normalize)) / 2;
  return static_cast<float>(score);
}

// fn(begin, end) for ranges that cover [0, n), on as many threads as asked for.
Result<void> in_parallel(int threads, int64_t n, int64_t grain,
                         const std::function<void(int64_t, int64_t)>& fn) {
  if (threads < 0 || threads > ThreadPool::kMaxThreads) {
    return fail(ErrorCode::kInvalidArgument, "threads: " + std::to_string(threads) +
                                                 ", expected 0 … " +
                                                 std::to_string(ThreadPool::kMaxThreads));
  }
  if (threads == 0) threads = std::min(platform::usable_cpus(), ThreadPool::kMaxThreads);
  threads = static_cast<int>(std::min<int64_t>(threads, (n + grain - 1) / grain));
  if (threads <= 1) {
    fn(0, n);
    return {};
  }
  WEFT_TRY_ASSIGN(const auto pool, ThreadPool::create(threads));
  pool->parallel_for(n, grain, [&](int64_t begin, int64_t end, int) { fn(begin, end); });
  return {};
}

Result<void> check_pair(const Vectors& query, const Vectors& document) {
  if (auto error = fault(query, "query")) return tl::unexpected(std::move(*error));
  if (auto error = fault(document, "document", query.dim)) return tl::unexpected(std::move(*error));
  return {};
}

std::string nth_document(int64_t i) { return "document " + std::to_string(i); }

// Best first: of equal scores, the lower index.
bool goes_before(const Ranked& a, const Ranked& b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

}  // namespace

Result<float> score(const Vectors& query, const Vectors& document, const MaxSimOptions& options) {
  WEFT_TRY(check_pair(query, document));
  const float result = unchecked_score(query, document, options);
  if (!std::isfinite(result)) return tl::unexpected(too_large("document"));
  return result;
}

Result<std::vector<float>> batch_score(const Vectors& query, std::span<const Vectors> documents,
                                       const MaxSimOptions& options) {
  if (auto error = fault(query, "query")) return tl::unexpected(std::move(*error));
  const float none = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> scores(documents.size(), none);
  WEFT_TRY(in_parallel(options.threads, std::ssize(documents), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Vectors& document = documents[static_cast<size_t>(i)];
      if (fault(document, "", query.dim)) continue;
      scores[static_cast<size_t>(i)] = unchecked_score(query, document, options);
    }
  }));
  for (int64_t i = 0; i < std::ssize(documents); ++i) {
    if (std::isfinite(scores[static_cast<size_t>(i)])) continue;
    auto error = fault(documents[static_cast<size_t>(i)], nth_document(i), query.dim);
    return tl::unexpected(error ? std::move(*error) : too_large(nth_document(i)));
  }
  return scores;
}

Result<std::vector<Ranked>> rank_documents(const Vectors& query, std::span<const Vectors> documents,
                                           const MaxSimOptions& options) {
  return find_top_k(query, documents, documents.size(), options);
}

Result<std::vector<Ranked>> find_top_k(const Vectors& query, std::span<const Vectors> documents,
                                       size_t k, const MaxSimOptions& options) {
  WEFT_TRY_ASSIGN(const auto scores, batch_score(query, documents, options));
  std::vector<Ranked> ranked(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) ranked[i] = {i, scores[i]};
  k = std::min(k, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(k), ranked.end(),
                    goes_before);
  ranked.resize(k);
  return ranked;
}

Result<SimilarityMatrix> similarity_matrix(const Vectors& query, const Vectors& document,
                                           const MaxSimOptions& options) {
  WEFT_TRY(check_pair(query, document));
  SimilarityMatrix matrix{.rows = query.rows(), .cols = document.rows()};
  matrix.values.resize(static_cast<size_t>(matrix.rows * matrix.cols));
  WEFT_TRY(in_parallel(options.threads, matrix.rows, kQueryTile, [&](int64_t begin, int64_t end) {
    each_product(query, begin, end, document, [&](int64_t q, int64_t d, float product) {
      matrix.values[static_cast<size_t>(q * matrix.cols + d)] = product;
    });
  }));
  if (!std::ranges::all_of(matrix.values, [](float x) { return std::isfinite(x); })) {
    return tl::unexpected(too_large("document"));
  }
  return matrix;
}

Result<std::vector<Match>> best_matches(const Vectors& query, const Vectors& document,
                                        const MaxSimOptions& options) {
  WEFT_TRY(check_pair(query, document));
  std::vector<Match> matches(static_cast<size_t>(query.rows()), Match{.document = -1});
  WEFT_TRY(in_parallel(options.threads, query.rows(), kQueryTile, [&](int64_t begin, int64_t end) {
    each_match(query, begin, end, document,
               [&](const Match& match) { matches[static_cast<size_t>(match.query)] = match; });
  }));
  if (std::ranges::any_of(matches, [](const Match& match) { return match.document < 0; })) {
    return tl::unexpected(too_large("document"));
  }
  return matches;
}

}  // namespace weft::rank
