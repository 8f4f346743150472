#include "tools/embed/embed_lines.h"

#include <chrono>
#include <deque>
#include <utility>

namespace weft::tools {
namespace {

// How soon a wish to stop is heard while nothing else happens.
constexpr int kPatienceMs = 100;

struct Item {
  EmbeddedLine line;
  PendingEmbedding pending;
};

Error of_line(int64_t number, const Error& error) {
  return {error.code, "line " + std::to_string(number) + ": " + error.message};
}

class Run {
 public:
  Run(Engine& engine, LineReader& lines, const EmbedLinesOptions& options)
      : engine_(engine),
        lines_(lines),
        options_(options),
        window_(2 * static_cast<size_t>(engine.config().max_sequences)) {}

  Result<void> operator()(const std::function<Result<void>(EmbeddedLine)>& use) {
    while (!ended_ || !items_.empty()) {
      if (options_.stop.stop_requested()) return fail(ErrorCode::kCancelled, "interrupted");
      WEFT_TRY_ASSIGN(const bool took, take_line());
      if (took || items_.empty()) continue;
      Item& item = items_.front();
      auto embedding = item.pending.get_until(std::chrono::steady_clock::now() +
                                              std::chrono::milliseconds(kPatienceMs));
      if (!embedding && embedding.error().code == ErrorCode::kTimedOut) continue;
      if (!embedding) return tl::unexpected(of_line(item.line.number, embedding.error()));
      item.line.embedding = std::move(*embedding);
      EmbeddedLine line = std::move(item.line);
      items_.pop_front();
      WEFT_TRY(use(std::move(line)));
    }
    return {};
  }

 private:
  // Whether there was a line and room for it.
  Result<bool> take_line() {
    if (ended_ || items_.size() >= window_) return false;
    WEFT_TRY_ASSIGN(const auto state, lines_.next(items_.empty() ? kPatienceMs : 0));
    ended_ = state == LineReader::State::kEnd;
    if (state != LineReader::State::kLine) return false;
    if (options_.skip_blank && lines_.blank() && !lines_.too_long()) return true;
    if (lines_.too_long()) {
      return fail(ErrorCode::kLimitExceeded, "line " + std::to_string(lines_.number()) +
                                                 ": longer than " +
                                                 std::to_string(kLongestLine >> 20) + " MiB");
    }
    EmbeddedLine line{.number = lines_.number(), .text = std::string(lines_.line())};
    auto pending = engine_.submit_embedding(
        {.text = line.text, .tokens = options_.tokens, .options = options_.embed});
    if (!pending) return tl::unexpected(of_line(line.number, pending.error()));
    items_.push_back({std::move(line), std::move(*pending)});
    return true;
  }

  Engine& engine_;
  LineReader& lines_;
  const EmbedLinesOptions& options_;
  const size_t window_;
  std::deque<Item> items_;
  bool ended_ = false;
};

}  // namespace

Result<void> embed_lines(Engine& engine, LineReader& lines, const EmbedLinesOptions& options,
                         const std::function<Result<void>(EmbeddedLine)>& use) {
  return Run(engine, lines, options)(use);
}

}  // namespace weft::tools
