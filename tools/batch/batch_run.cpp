#include "tools/batch/batch_run.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "tools/batch/request_line.h"
#include "tools/batch/result_line.h"

namespace weft::tools {
namespace {

// What waits for its turn to be written is bounded, however slow the first of them is.
constexpr size_t kMostEntries = 1 << 16;
constexpr size_t kMostHeldBytes = size_t{256} << 20;
// Requests that wait in the engine, so that it is never short of one.
constexpr int32_t kLeastAhead = 8;
// Stop strings are found on this side: their generations go on until they are looked at.
constexpr auto kPollTime = std::chrono::milliseconds(2);
constexpr int kIdleMs = 100;

bool ends_the_batch(ErrorCode code) {
  return code == ErrorCode::kShutDown || code == ErrorCode::kDeviceError ||
         code == ErrorCode::kOutOfMemory;
}

// A request between its line of input and its line of output.
struct Entry {
  RequestResult result;
  std::vector<TokenStream> streams;  // [result.samples]; dropped when all have ended
  int32_t running = 0;               // streams that have not ended
  std::string line;                  // the output, once none is running
  uint64_t input_end = 0;            // bytes of the input up to and with its line
  size_t held_bytes = 0;
};

class BatchRun {
 public:
  BatchRun(Engine& engine, LineReader& input, OutputFile& output, const BatchRunOptions& options)
      : engine_(engine), input_(input), output_(output), options_(options) {
    input_bytes_ = input.total_bytes();
    most_running_ = options.parallel + std::max(options.parallel, kLeastAhead);
  }

  Result<BatchOutcome> run() {
    while (!options_.stop.stop_requested()) {
      WEFT_TRY(fill());
      WEFT_TRY_ASSIGN(const bool progressed, gather());
      WEFT_TRY(write_finished());
      if (options_.on_progress) options_.on_progress(figures_);
      if (input_ended_ && entries_.empty()) break;
      if (!progressed) WEFT_TRY(wait());
    }
    const bool interrupted = !entries_.empty() || !input_ended_;
    WEFT_TRY(output_.sync());
    return BatchOutcome{figures_, interrupted};
  }

 private:
  // Takes requests in as far as there is room. Waits only where nothing else is to be done.
  Result<void> fill() {
    while (!input_ended_ && running_ < most_running_ && entries_.size() < kMostEntries &&
           held_bytes_ < kMostHeldBytes) {
      WEFT_TRY_ASSIGN(const LineReader::State state, input_.next(entries_.empty() ? kIdleMs : 0));
      if (state == LineReader::State::kNotYet) return {};
      if (state == LineReader::State::kEnd) {
        input_ended_ = true;
      } else if (!input_.blank()) {
        WEFT_TRY(take_in());
      }
    }
    return {};
  }

  Result<void> take_in() {
    Entry& entry = entries_.emplace_back();
    entry.input_end = input_.offset();
    entry.held_bytes = input_.line().size();
    held_bytes_ += entry.held_bytes;
    if (input_.too_long()) {
      entry.result.id = std::to_string(input_.number());
      finish_with(entry,
                  {ErrorCode::kLimitExceeded, "line " + entry.result.id + ": longer than " +
                                                  std::to_string(kLongestLine >> 20) + " MiB"});
      return {};
    }
    RequestLine line = parse_request_line(input_.line(), input_.number());
    entry.result.id = std::move(line.id);
    if (!line.request) {
      finish_with(entry, line.request.error());
      return {};
    }
    if (auto submitted = submit(entry, *line.request); !submitted) {
      if (ends_the_batch(submitted.error().code)) return submitted;
      entry.streams.clear();  // of the samples before the one that failed
      finish_with(entry, submitted.error());
    }
    return {};
  }

  // The engine runs the samples of a request at once; more than fit a step go in several parts,
  // whose draws are the same.
  Result<void> submit(Entry& entry, Request& request) {
    const int32_t samples = request.n;
    for (int32_t first = 0; first < samples; first += options_.parallel) {
      request.n = std::min(options_.parallel, samples - first);
      request.sampling.sample_index = static_cast<uint32_t>(first);
      WEFT_TRY_ASSIGN(auto streams, engine_.submit_all(request));
      std::move(streams.begin(), streams.end(), std::back_inserter(entry.streams));
    }
    entry.result.with_logprobs = request.logprobs >= 0;
    entry.result.with_alternatives = request.logprobs > 0;
    if (request.prompt_logprobs) entry.result.prompt_logprobs.emplace();
    entry.result.prompt_tokens = entry.streams.front().usage().prompt_tokens;
    entry.result.samples.resize(entry.streams.size());
    entry.running = samples;
    running_ += samples;
    return {};
  }

  // Takes over what the streams have; whether there was anything.
  Result<bool> gather() {
    bool progressed = false;
    for (Entry& entry : entries_) {
      for (size_t i = 0; i < entry.streams.size(); ++i) {
        while (entry.running > 0 && !ended(entry.result.samples[i])) {
          auto next = entry.streams[i].try_next();
          if (!next) break;
          progressed = true;
          WEFT_TRY(take_over(entry, i, std::move(*next)));
        }
      }
    }
    return progressed;
  }

  static bool ended(const Sample& sample) { return sample.finish_reason || sample.error; }

  Result<void> take_over(Entry& entry, size_t i, Result<std::optional<TokenOutput>> next) {
    Sample& sample = entry.result.samples[i];
    if (next && *next) {
      TokenOutput& token = **next;
      sample.tokens.push_back(token.id);
      sample.text += token.text;
      if (token.logprob) sample.logprobs.push_back({token.id, *token.logprob});
      if (entry.result.with_alternatives) {
        sample.alternatives.push_back(std::move(token.top_logprobs));
      }
      return {};
    }
    if (!next) {
      if (ends_the_batch(next.error().code)) return tl::unexpected(next.error());
      sample.error = next.error();
    } else {
      sample.finish_reason = entry.streams[i].finish_reason();
    }
    --running_;
    if (--entry.running == 0) finish(entry);
    return {};
  }

  void finish(Entry& entry) {
    RequestResult& result = entry.result;
    if (result.prompt_logprobs) result.prompt_logprobs = entry.streams.front().prompt_logprobs();
    figures_.prompt_tokens += result.prompt_tokens;
    bool failed = false;
    for (const Sample& sample : result.samples) {
      figures_.generated_tokens += std::ssize(sample.tokens);
      failed = failed || sample.error;
    }
    figures_.errors += failed;
    hold(entry, result_line(result));
  }

  void finish_with(Entry& entry, const Error& error) {
    ++figures_.errors;
    hold(entry, error_line(entry.result.id, error));
  }

  void hold(Entry& entry, std::string line) {
    entry.line = std::move(line);
    entry.streams.clear();
    entry.result = {};
    held_bytes_ += entry.line.size() - entry.held_bytes;
    entry.held_bytes = entry.line.size();
  }

  Result<void> write_finished() {
    while (!entries_.empty() && !entries_.front().line.empty()) {
      const Entry& entry = entries_.front();
      WEFT_TRY(output_.write(entry.line));
      ++figures_.requests;
      if (input_bytes_ > options_.input_done) {
        figures_.done_share = static_cast<double>(entry.input_end - options_.input_done) /
                              static_cast<double>(input_bytes_ - options_.input_done);
      }
      held_bytes_ -= entry.held_bytes;
      entries_.pop_front();
    }
    return {};
  }

  // Until there is something to gather, mostly: for the first request that runs.
  Result<void> wait() {
    for (Entry& entry : entries_) {
      for (size_t i = 0; i < entry.streams.size(); ++i) {
        if (ended(entry.result.samples[i])) continue;
        auto next = entry.streams[i].next_until(std::chrono::steady_clock::now() + kPollTime);
        if (!next && next.error().code == ErrorCode::kTimedOut) return {};
        return take_over(entry, i, std::move(next));
      }
    }
    return {};
  }

  Engine& engine_;
  LineReader& input_;
  OutputFile& output_;
  const BatchRunOptions& options_;
  std::deque<Entry> entries_;  // in the order of the input
  int32_t running_ = 0;        // streams that have not ended
  int32_t most_running_ = 0;
  size_t held_bytes_ = 0;
  uint64_t input_bytes_ = 0;
  bool input_ended_ = false;
  BatchFigures figures_;
};

}  // namespace

Result<BatchOutcome> run_batch(Engine& engine, LineReader& input, OutputFile& output,
                               const BatchRunOptions& options) {
  return BatchRun(engine, input, output, options).run();
}

}  // namespace weft::tools
