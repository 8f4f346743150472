// infer rank: the lines of a text that answer a query best, by late interaction.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/engine.h"
#include "api/rank/maxsim.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/embed/embed_lines.h"
#include "tools/interrupt.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

// Lines scored at once, so that all threads have some: their vectors are all that is held.
constexpr size_t kLinesAtOnce = 64;

struct RankFlags {
  EngineFlags engine;
  SchedulingFlags scheduling;
  std::string model, input = "-", query, format = "text";
  int top_k = 10;
  bool no_bos = false;
  rank::MaxSimOptions maxsim;
};

struct RankedLine {
  float score = 0;
  int64_t number = 0;
  std::string text;
};

bool goes_before(const RankedLine& a, const RankedLine& b) {
  return a.score > b.score || (a.score == b.score && a.number < b.number);
}

// The best lines so far. Holds the vectors of a few lines and the text of `top_k`.
class Ranking {
 public:
  Ranking(Embedding query, size_t top_k, const rank::MaxSimOptions& options)
      : query_(std::move(query)), top_k_(top_k), options_(options) {}

  Result<void> add(EmbeddedLine line) {
    lines_.push_back(std::move(line));
    return lines_.size() < kLinesAtOnce ? Result<void>() : score_lines();
  }

  Result<std::vector<RankedLine>> finish() {
    WEFT_TRY(score_lines());
    return std::move(best_);
  }

 private:
  Result<void> score_lines() {
    std::vector<rank::Vectors> documents;
    for (const EmbeddedLine& line : lines_) documents.emplace_back(line.embedding);
    WEFT_TRY_ASSIGN(const auto scores, rank::batch_score(query_, documents, options_));
    for (size_t i = 0; i < lines_.size(); ++i) {
      best_.push_back({scores[i], lines_[i].number, std::move(lines_[i].text)});
    }
    lines_.clear();
    std::ranges::sort(best_, goes_before);
    if (best_.size() > top_k_) best_.resize(top_k_);
    return {};
  }

  Embedding query_;
  size_t top_k_;
  rank::MaxSimOptions options_;
  std::vector<EmbeddedLine> lines_;
  std::vector<RankedLine> best_;
};

void print(const std::vector<RankedLine>& lines, bool json) {
  for (size_t i = 0; i < lines.size(); ++i) {
    const RankedLine& line = lines[i];
    if (json) {
      const nlohmann::ordered_json object = {
          {"rank", i + 1}, {"line", line.number}, {"score", line.score}, {"text", line.text}};
      std::puts(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
      std::printf("%9.4f  %6lld  ", static_cast<double>(line.score),
                  static_cast<long long>(line.number));
      std::fwrite(line.text.data(), 1, line.text.size(), stdout);
      std::fputc('\n', stdout);
    }
  }
}

Result<void> rank_lines(const RankFlags& flags) {
  WEFT_TRY_ASSIGN(LineReader lines, LineReader::open(flags.input));
  Interrupt interrupt;
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  WEFT_TRY_ASSIGN(auto model, load_model(path, flags.engine.model_options()));
  EngineConfig config = flags.scheduling.engine_config();
  config.max_queue = INT32_MAX;
  WEFT_TRY_ASSIGN(auto engine, Engine::create(std::move(model), config));
  EmbedLinesOptions options{.tokens = true,
                            .skip_blank = true,
                            .embed = {.add_bos = !flags.no_bos},
                            .stop = interrupt.token()};
  WEFT_TRY_ASSIGN(auto query, engine->embed_tokens({&flags.query, 1}, options.embed));
  rank::MaxSimOptions maxsim = flags.maxsim;
  maxsim.threads = flags.engine.model.threads;
  Ranking ranking(std::move(query.front()), static_cast<size_t>(flags.top_k), maxsim);
  WEFT_TRY(embed_lines(*engine, lines, options,
                       [&](EmbeddedLine line) { return ranking.add(std::move(line)); }));
  WEFT_TRY_ASSIGN(const auto best, ranking.finish());
  print(best, flags.format == "json");
  return {};
}

}  // namespace

void add_rank_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<RankFlags>();
  flags->scheduling.config.max_sequences = 64;
  CLI::App* command = app.add_subcommand("rank", "The lines of a text that answer a query best");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_option("file", flags->input, "One text a line (default: standard input)");
  command->add_option("-q,--query", flags->query, "What to look for")->required();
  command->add_option("-k,--top-k", flags->top_k, "Most lines to print")
      ->check(whole_number_in(1, 1 << 30))
      ->capture_default_str();
  command->add_option("-o,--format", flags->format, "text, or json: one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("--normalize", flags->maxsim.normalize,
                    "Divide scores by the query's number of tokens");
  command->add_flag("--symmetric", flags->maxsim.symmetric,
                    "The mean of query to line and line to query");
  command->add_flag("--no-bos", flags->no_bos, "Do not put the model's BOS before texts");
  flags->scheduling.add_to(*command);
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    auto result = rank_lines(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
