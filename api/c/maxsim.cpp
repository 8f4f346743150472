// Late interaction, over vectors of the caller's into arrays of the caller's.
#include "api/rank/maxsim.h"

#include <algorithm>

#include "api/c/boundary.h"

using namespace weft;
using namespace weft::c;

namespace {

Result<rank::MaxSimOptions> maxsim_options_of(const weft_maxsim_options* options) {
  WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_maxsim_options_init, "options"));
  return rank::MaxSimOptions{
      .normalize = all.normalize != 0, .symmetric = all.symmetric != 0, .threads = all.threads};
}

Result<rank::Vectors> vectors_of(const weft_vectors* vectors, const char* name) {
  WEFT_TRY(given({{vectors, name}}));
  int64_t count = 0;
  if (vectors->rows < 0 || vectors->dim < 0 ||
      __builtin_mul_overflow(vectors->rows, vectors->dim, &count)) {
    return fail(ErrorCode::kInvalidArgument, std::string(name) + ": [" +
                                                 std::to_string(vectors->rows) + ", " +
                                                 std::to_string(vectors->dim) + "] values");
  }
  if (count > 0) WEFT_TRY(given({{vectors->values, name}}));
  return rank::Vectors({vectors->values, static_cast<size_t>(count)}, vectors->dim);
}

Result<std::vector<rank::Vectors>> sets_of(const weft_vectors* documents, size_t count) {
  if (count > 0) WEFT_TRY(given({{documents, "documents"}}));
  std::vector<rank::Vectors> sets;
  sets.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string name = "document " + std::to_string(i);
    WEFT_TRY_ASSIGN(sets.emplace_back(), vectors_of(documents + i, name.c_str()));
  }
  return sets;
}

void put_ranked(const std::vector<rank::Ranked>& all, weft_ranked* out) {
  for (const rank::Ranked& each : all) *out++ = {each.index, each.score};
}

}  // namespace

extern "C" {

void weft_maxsim_options_init(weft_maxsim_options* options, size_t struct_size) {
  const rank::MaxSimOptions defaults;
  init_struct(options, struct_size,
              weft_maxsim_options{.struct_size = 0,
                                  .normalize = defaults.normalize ? 1 : 0,
                                  .symmetric = defaults.symmetric ? 1 : 0,
                                  .threads = defaults.threads});
}

weft_status weft_maxsim_score(const weft_vectors* query, const weft_vectors* document,
                              const weft_maxsim_options* options, float* score,
                              weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{score, "score"}}));
    WEFT_TRY_ASSIGN(const auto all, maxsim_options_of(options));
    WEFT_TRY_ASSIGN(const auto q, vectors_of(query, "query"));
    WEFT_TRY_ASSIGN(const auto d, vectors_of(document, "document"));
    WEFT_TRY_ASSIGN(*score, rank::score(q, d, all));
    return {};
  });
}

weft_status weft_maxsim_batch_score(const weft_vectors* query, const weft_vectors* documents,
                                    size_t count, const weft_maxsim_options* options, float* scores,
                                    weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{scores, "scores"}}));
    WEFT_TRY_ASSIGN(const auto all, maxsim_options_of(options));
    WEFT_TRY_ASSIGN(const auto q, vectors_of(query, "query"));
    WEFT_TRY_ASSIGN(const auto sets, sets_of(documents, count));
    WEFT_TRY_ASSIGN(const auto found, rank::batch_score(q, sets, all));
    std::ranges::copy(found, scores);
    return {};
  });
}

weft_status weft_maxsim_rank_documents(const weft_vectors* query, const weft_vectors* documents,
                                       size_t count, const weft_maxsim_options* options,
                                       weft_ranked* ranked, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{ranked, "ranked"}}));
    WEFT_TRY_ASSIGN(const auto all, maxsim_options_of(options));
    WEFT_TRY_ASSIGN(const auto q, vectors_of(query, "query"));
    WEFT_TRY_ASSIGN(const auto sets, sets_of(documents, count));
    WEFT_TRY_ASSIGN(const auto found, rank::rank_documents(q, sets, all));
    put_ranked(found, ranked);
    return {};
  });
}

weft_status weft_maxsim_find_top_k(const weft_vectors* query, const weft_vectors* documents,
                                   size_t count, size_t k, const weft_maxsim_options* options,
                                   weft_ranked* ranked, size_t* found, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{ranked, "ranked"}, {found, "found"}}));
    WEFT_TRY_ASSIGN(const auto all, maxsim_options_of(options));
    WEFT_TRY_ASSIGN(const auto q, vectors_of(query, "query"));
    WEFT_TRY_ASSIGN(const auto sets, sets_of(documents, count));
    WEFT_TRY_ASSIGN(const auto best, rank::find_top_k(q, sets, k, all));
    put_ranked(best, ranked);
    *found = best.size();
    return {};
  });
}

weft_status weft_maxsim_similarity_matrix(const weft_vectors* query, const weft_vectors* document,
                                          const weft_maxsim_options* options, float* matrix,
                                          weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{matrix, "matrix"}}));
    WEFT_TRY_ASSIGN(const auto all, maxsim_options_of(options));
    WEFT_TRY_ASSIGN(const auto q, vectors_of(query, "query"));
    WEFT_TRY_ASSIGN(const auto d, vectors_of(document, "document"));
    WEFT_TRY_ASSIGN(const auto found, rank::similarity_matrix(q, d, all));
    std::ranges::copy(found.values, matrix);
    return {};
  });
}

weft_status weft_maxsim_best_matches(const weft_vectors* query, const weft_vectors* document,
                                     const weft_maxsim_options* options, weft_match* matches,
                                     weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{matches, "matches"}}));
    WEFT_TRY_ASSIGN(const auto all, maxsim_options_of(options));
    WEFT_TRY_ASSIGN(const auto q, vectors_of(query, "query"));
    WEFT_TRY_ASSIGN(const auto d, vectors_of(document, "document"));
    WEFT_TRY_ASSIGN(const auto found, rank::best_matches(q, d, all));
    for (const rank::Match& each : found) *matches++ = {each.query, each.document, each.similarity};
    return {};
  });
}

}  // extern "C"
