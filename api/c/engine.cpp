// The engine as what embeds texts.
#include "api/engine.h"

#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

struct weft_embeddings {
  std::vector<Embedding> value;
};

namespace weft::c {

Result<EngineConfig> engine_config_of(const weft_engine_config* config, const char* name) {
  WEFT_TRY_ASSIGN(const auto all, options_of(config, weft_engine_config_init, name));
  EngineConfig result;
  result.max_sequences = all.max_sequences;
  result.max_batch_tokens = all.max_batch_tokens;
  result.max_queue = all.max_queue;
  result.block_size = all.block_size;
  result.num_blocks = all.num_blocks;
  result.prefix_cache = all.prefix_cache != 0;
  result.kv_type = text_or(all.kv_type, result.kv_type);
  result.threads = all.threads;
  result.max_inter_token_ms = all.max_inter_token_ms;
  result.max_turn_wait_ms = all.max_turn_wait_ms;
  return result;
}

Result<std::optional<Pooling>> pooling_of(weft_pooling pooling) {
  if (pooling == WEFT_POOLING_OF_MODEL) return std::optional<Pooling>();
  if (pooling >= WEFT_POOLING_LAST && pooling <= WEFT_POOLING_MAX) {
    return std::optional<Pooling>(static_cast<Pooling>(pooling));
  }
  return fail(ErrorCode::kInvalidArgument,
              "pooling: " + std::to_string(pooling) + ", expected a WEFT_POOLING_ value");
}

Result<Priority> priority_of(weft_priority priority) {
  if (priority >= WEFT_PRIORITY_LOW && priority <= WEFT_PRIORITY_URGENT) {
    return static_cast<Priority>(priority);
  }
  return fail(ErrorCode::kInvalidArgument,
              "priority: " + std::to_string(priority) + ", expected a WEFT_PRIORITY_ value");
}

}  // namespace weft::c

namespace {

static_assert(static_cast<int>(Priority::kLow) == WEFT_PRIORITY_LOW);
static_assert(static_cast<int>(Priority::kNormal) == WEFT_PRIORITY_NORMAL);
static_assert(static_cast<int>(Priority::kHigh) == WEFT_PRIORITY_HIGH);
static_assert(static_cast<int>(Priority::kUrgent) == WEFT_PRIORITY_URGENT);

// One call of weft_engine_embed(), with copies of what it needs.
struct EmbedCall {
  std::shared_ptr<Engine> engine;
  std::vector<std::string> texts;
  EmbedOptions options;
  bool tokens = false;

  Result<std::vector<Embedding>> operator()() const {
    if (tokens) return engine->embed_tokens(texts, options);
    WEFT_TRY_ASSIGN(auto vectors, engine->embed(texts, options));
    std::vector<Embedding> result;
    result.reserve(vectors.size());
    for (auto& vector : vectors) {
      const auto dim = static_cast<int32_t>(vector.size());
      result.push_back({.dim = dim, .values = std::move(vector), .ids = {}});
    }
    return result;
  }
};

Result<EmbedCall> embed_call(const weft_engine* engine, const weft_string* texts, size_t count,
                             const weft_embed_options* options) {
  WEFT_TRY(given({{engine, "engine"}}));
  WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_embed_options_init, "options"));
  EmbedCall call{.engine = engine->value, .texts = {}, .options = {}, .tokens = all.tokens != 0};
  WEFT_TRY_ASSIGN(call.texts, texts_of(texts, count, "texts"));
  WEFT_TRY_ASSIGN(call.options.pooling, pooling_of(all.pooling));
  WEFT_TRY_ASSIGN(call.options.priority, priority_of(all.priority));
  call.options.normalize = all.normalize != 0;
  call.options.add_bos = all.add_bos != 0;
  call.options.parse_special = all.parse_special != 0;
  call.options.cache_salt = all.cache_salt;
  return call;
}

}  // namespace

extern "C" {

void weft_engine_config_init(weft_engine_config* config, size_t struct_size) {
  static const EngineConfig defaults;
  init_struct(config, struct_size,
              weft_engine_config{.struct_size = 0,
                                 .max_sequences = defaults.max_sequences,
                                 .max_batch_tokens = defaults.max_batch_tokens,
                                 .max_queue = defaults.max_queue,
                                 .block_size = defaults.block_size,
                                 .num_blocks = defaults.num_blocks,
                                 .prefix_cache = defaults.prefix_cache ? 1 : 0,
                                 .kv_type = defaults.kv_type.c_str(),
                                 .threads = defaults.threads,
                                 .max_inter_token_ms = defaults.max_inter_token_ms,
                                 .max_turn_wait_ms = defaults.max_turn_wait_ms});
}

void weft_embed_options_init(weft_embed_options* options, size_t struct_size) {
  const EmbedOptions defaults;
  init_struct(options, struct_size,
              weft_embed_options{.struct_size = 0,
                                 .pooling = WEFT_POOLING_OF_MODEL,
                                 .normalize = defaults.normalize ? 1 : 0,
                                 .add_bos = defaults.add_bos ? 1 : 0,
                                 .parse_special = defaults.parse_special ? 1 : 0,
                                 .priority = static_cast<weft_priority>(defaults.priority),
                                 .cache_salt = defaults.cache_salt,
                                 .tokens = 0});
}

weft_status weft_engine_new(weft_runtime* runtime, const weft_model* model,
                            const weft_engine_config* config, weft_engine** engine,
                            weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {engine, "engine"}}));
    WEFT_TRY_ASSIGN(const auto all, engine_config_of(config, "config"));
    WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
    WEFT_TRY_ASSIGN(auto made, Engine::create(model->value, all));
    hand_out(engine, std::move(callbacks), std::shared_ptr<Engine>(std::move(made)), true);
    return {};
  });
}

void weft_engine_free(weft_engine* engine) {
  // Calls under way hold it too, and are not to hold it up.
  if (engine != nullptr && engine->is_own) engine->value->shutdown(Engine::Shutdown::kNow);
  free_handle(engine);
}

weft_status weft_engine_get_stats(const weft_engine* engine, weft_engine_stats* stats,
                                  weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{engine, "engine"}}));
    return fill(stats, stats_of(engine->value->stats()), "stats");
  });
}

size_t weft_embeddings_count(const weft_embeddings* embeddings) {
  return embeddings != nullptr ? embeddings->value.size() : 0;
}

weft_status weft_embeddings_get(const weft_embeddings* embeddings, size_t i,
                                weft_embedding* embedding, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{embeddings, "embeddings"}}));
    WEFT_TRY(in_range(i, embeddings->value.size()));
    const Embedding& one = embeddings->value[i];
    return fill(embedding,
                weft_embedding{.struct_size = 0,
                               .rows = one.rows(),
                               .dim = one.dim,
                               .values = one.values.data(),
                               .ids = one.ids.data(),
                               .num_ids = one.ids.size(),
                               .cached_tokens = one.cached_tokens},
                "embedding");
  });
}

void weft_embeddings_free(weft_embeddings* embeddings) { free_handle(embeddings); }

weft_status weft_engine_embed(const weft_engine* engine, const weft_string* texts, size_t count,
                              const weft_embed_options* options, weft_embeddings** embeddings,
                              weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{embeddings, "embeddings"}}));
    WEFT_TRY_ASSIGN(const EmbedCall call, embed_call(engine, texts, count, options));
    WEFT_TRY_ASSIGN(auto made, call());
    hand_out(embeddings, std::move(made));
    return {};
  });
}

weft_status weft_engine_embed_async(const weft_engine* engine, const weft_string* texts,
                                    size_t count, const weft_embed_options* options,
                                    weft_on_embeddings on_embeddings, void* user_data,
                                    weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{on_embeddings, "on_embeddings"}}));
    WEFT_TRY_ASSIGN(EmbedCall call, embed_call(engine, texts, count, options));
    engine->runtime->spawn_blocking(std::move(call))
        .join(answer_handle<std::vector<Embedding>>(on_embeddings, user_data));
    return {};
  });
}

}  // extern "C"
