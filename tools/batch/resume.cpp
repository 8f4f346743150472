#include "tools/batch/resume.h"

#include "tools/batch/request_line.h"
#include "tools/batch/result_line.h"

namespace weft::tools {
namespace {

constexpr int kForever = -1;

// The next line that holds a request; false at the end.
Result<bool> next_request(LineReader& input) {
  while (true) {
    WEFT_TRY_ASSIGN(const LineReader::State state, input.next(kForever));
    if (state == LineReader::State::kEnd) return false;
    if (state == LineReader::State::kLine && !input.blank()) return true;
  }
}

}  // namespace

Result<int64_t> skip_done(OutputFile& output, LineReader& input) {
  LineReader lines = output.existing_lines();
  int64_t done = 0;
  uint64_t whole = 0;  // bytes of whole lines
  while (true) {
    WEFT_TRY_ASSIGN(const LineReader::State state, lines.next(kForever));
    if (state == LineReader::State::kEnd) break;
    if (!lines.ended_by_newline()) break;  // torn: it is done again
    const std::string place = output.name() + ": line " + std::to_string(lines.number());
    const auto id = id_of_result_line(lines.line());
    if (!id) {
      return fail(ErrorCode::kInvalidArgument, place + " is no result of a batch, cannot resume");
    }
    WEFT_TRY_ASSIGN(const bool more, next_request(input));
    if (!more) {
      return fail(ErrorCode::kInvalidArgument,
                  place + " is one more than there are requests, cannot resume");
    }
    const RequestLine request = parse_request_line(input.line(), input.number());
    if (request.id != *id) {
      return fail(ErrorCode::kInvalidArgument,
                  place + " has the id " + *id + ", its request " + request.id + ": cannot resume");
    }
    whole = lines.offset();
    ++done;
  }
  WEFT_TRY(output.keep(whole));
  return done;
}

}  // namespace weft::tools
