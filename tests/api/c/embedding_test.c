// Embeddings of texts, and MaxSim over them.
#include <math.h>
#include <stdlib.h>

#include "tests/api/c/check.h"
#include "tests/api/c/waiter.h"

static weft_error* error = NULL;

static const weft_string kTexts[] = {
    {"Once upon a time", WEFT_NTS}, {"Hello", WEFT_NTS}, {"The quick brown fox", WEFT_NTS}};

static weft_engine* small_engine(weft_runtime* runtime) {
  weft_model* model = load_mini();
  weft_engine_config config;
  weft_engine_config_init(&config, sizeof config);
  CHECK(config.max_sequences == 64 && config.block_size == 16 && config.prefix_cache == 1);
  config.num_blocks = 64;
  weft_engine* engine = NULL;
  CHECK_OK(weft_engine_new(runtime, model, &config, &engine, &error));
  weft_model_free(model);
  return engine;
}

static weft_embedding embedding_at(const weft_embeddings* all, size_t i) {
  weft_embedding one = {.struct_size = sizeof one};
  CHECK_OK(weft_embeddings_get(all, i, &one, &error));
  return one;
}

static void texts_become_vectors_of_length_one(void) {
  weft_engine* engine = small_engine(NULL);
  weft_embeddings* all = NULL;
  CHECK_OK(weft_engine_embed(engine, kTexts, 3, NULL, &all, &error));
  CHECK(weft_embeddings_count(all) == 3);
  for (size_t i = 0; i < 3; ++i) {
    const weft_embedding one = embedding_at(all, i);
    double length = 0;
    for (int64_t k = 0; k < one.dim; ++k) length += (double)one.values[k] * one.values[k];
    CHECK(one.rows == 1 && one.dim > 0 && fabs(length - 1) < 1e-5);
  }
  weft_embeddings* alone = NULL;
  CHECK_OK(weft_engine_embed(engine, &kTexts[1], 1, NULL, &alone, &error));
  const weft_embedding one = embedding_at(alone, 0), same = embedding_at(all, 1);
  CHECK(memcmp(one.values, same.values, (size_t)one.dim * sizeof(float)) == 0);
  weft_embedding none = {.struct_size = sizeof none};
  CHECK_FAILS(weft_embeddings_get(all, 3, &none, &error), WEFT_INVALID_ARGUMENT, "there are 3");
  weft_embeddings_free(all);
  weft_embeddings_free(alone);
  weft_engine_free(engine);
}

static void on_embeddings(void* user_data, const weft_error* why, weft_embeddings* embeddings) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->handle = embeddings;
  waiter_end(w);
}

static void a_completion_brings_a_vector_for_each_token(void) {
  weft_engine* engine = small_engine(NULL);
  waiter w;
  waiter_init(&w);
  weft_embed_options options;
  weft_embed_options_init(&options, sizeof options);
  CHECK(options.pooling == WEFT_POOLING_OF_MODEL && options.normalize == 1);
  options.tokens = 1;
  CHECK_OK(weft_engine_embed_async(engine, kTexts, 3, &options, on_embeddings, &w, &error));
  weft_embeddings* all = wait_handle(&w);
  const weft_embedding one = embedding_at(all, 0);
  CHECK(one.rows > 1 && one.num_ids == (size_t)one.rows && one.ids != NULL);
  weft_embeddings_free(all);

  options.pooling = 9;
  CHECK_FAILS(weft_engine_embed_async(engine, kTexts, 3, &options, on_embeddings, &w, &error),
              WEFT_INVALID_ARGUMENT, "pooling: 9");
  options.pooling = WEFT_POOLING_MEAN;
  options.priority = -1;
  CHECK_FAILS(weft_engine_embed(engine, kTexts, 3, &options, &all, &error), WEFT_INVALID_ARGUMENT,
              "priority: -1");
  CHECK_FAILS(weft_engine_embed(NULL, kTexts, 3, NULL, &all, &error), WEFT_INVALID_ARGUMENT,
              "engine: NULL");
  CHECK_FAILS(weft_engine_embed(engine, NULL, 3, NULL, &all, &error), WEFT_INVALID_ARGUMENT,
              "texts: NULL");
  weft_engine_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(weft_engine_get_stats(engine, &stats, &error));
  CHECK(stats.blocks_capacity > 0);

  // Freed at once: the completion comes, with the result or without.
  for (int i = 0; i < 8; ++i) {
    CHECK_OK(weft_engine_embed_async(engine, kTexts, 3, NULL, on_embeddings, &w, &error));
    weft_engine_free(engine);
    weft_embeddings_free(wait_handle(&w));
    CHECK(w.status == WEFT_OK || w.status == WEFT_SHUT_DOWN || w.status == WEFT_CANCELLED);
    engine = small_engine(NULL);
  }
  weft_engine_free(engine);
  waiter_destroy(&w);
}

static weft_vectors set_of(const float* values, int64_t rows) {
  return (weft_vectors){.values = values, .rows = rows, .dim = 2};
}

// By hand: what the C++ tests check in depth.
static void maxsim_ranks_documents(void) {
  static const float q[] = {1, 0, 0, 1}, a[] = {1, 0}, b[] = {0.5f, 0.5f, 0, 2}, c[] = {-1, -1};
  const weft_vectors query = set_of(q, 2);
  const weft_vectors documents[] = {set_of(a, 1), set_of(b, 2), set_of(c, 1)};
  float score = 0, scores[3], matrix[4];
  CHECK_OK(weft_maxsim_score(&query, &documents[1], NULL, &score, &error));
  CHECK(score == 2.5f);
  weft_maxsim_options options;
  weft_maxsim_options_init(&options, sizeof options);
  CHECK(options.normalize == 0 && options.symmetric == 0 && options.threads == 1);
  options.normalize = 1;
  CHECK_OK(weft_maxsim_batch_score(&query, documents, 3, &options, scores, &error));
  CHECK(scores[0] == 0.5f && scores[1] == 1.25f && scores[2] == -1);
  weft_ranked ranked[3];
  size_t found = 0;
  CHECK_OK(weft_maxsim_rank_documents(&query, documents, 3, NULL, ranked, &error));
  CHECK(ranked[0].index == 1 && ranked[1].index == 0 && ranked[2].index == 2);
  CHECK_OK(weft_maxsim_find_top_k(&query, documents, 3, 2, NULL, ranked, &found, &error));
  CHECK(found == 2 && ranked[0].index == 1 && ranked[0].score == 2.5f);
  CHECK_OK(weft_maxsim_find_top_k(&query, documents, 3, 9, NULL, ranked, &found, &error));
  CHECK(found == 3);
  CHECK_OK(weft_maxsim_similarity_matrix(&query, &documents[1], NULL, matrix, &error));
  CHECK(matrix[0] == 0.5f && matrix[1] == 0 && matrix[2] == 0.5f && matrix[3] == 2);
  weft_match matches[2];
  CHECK_OK(weft_maxsim_best_matches(&query, &documents[1], NULL, matches, &error));
  CHECK(matches[0].document == 0 && matches[1].document == 1 && matches[1].similarity == 2);
}

static void sets_that_cannot_be_are_named(void) {
  static const float q[] = {1, 0};
  const weft_vectors query = set_of(q, 1);
  float score = 0;
  weft_vectors wrong = {.values = q, .rows = 1, .dim = 1};
  CHECK_FAILS(weft_maxsim_score(&query, &wrong, NULL, &score, &error), WEFT_INVALID_ARGUMENT, "");
  wrong = (weft_vectors){.values = q, .rows = INT64_MAX, .dim = 2};
  CHECK_FAILS(weft_maxsim_score(&query, &wrong, NULL, &score, &error), WEFT_INVALID_ARGUMENT,
              "document: [9223372036854775807, 2] values");
  wrong = (weft_vectors){.values = NULL, .rows = 1, .dim = 2};
  CHECK_FAILS(weft_maxsim_score(&query, &wrong, NULL, &score, &error), WEFT_INVALID_ARGUMENT,
              "document: NULL");
  CHECK_FAILS(weft_maxsim_score(NULL, &query, NULL, &score, &error), WEFT_INVALID_ARGUMENT,
              "query: NULL");
  CHECK_FAILS(weft_maxsim_batch_score(&query, &wrong, 1, NULL, &score, &error),
              WEFT_INVALID_ARGUMENT, "document 0: NULL");
  CHECK_FAILS(weft_maxsim_score(&query, &query, NULL, NULL, &error), WEFT_INVALID_ARGUMENT,
              "score: NULL");
}

static const test tests[] = {
    {"texts_become_vectors_of_length_one", texts_become_vectors_of_length_one},
    {"a_completion_brings_a_vector_for_each_token", a_completion_brings_a_vector_for_each_token},
    {"maxsim_ranks_documents", maxsim_ranks_documents},
    {"sets_that_cannot_be_are_named", sets_that_cannot_be_are_named},
};
const suite embedding_suite = SUITE("Embedding", tests);
