// RequestLine: requests in the order in which they are served: by priority, then by arrival.
// Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "api/async_llm/pending_request.h"

namespace weft::llm {

class RequestLine {
 public:
  using Entry = std::shared_ptr<PendingRequest>;

  void push(Entry request) {
    line_of(*request).push_back(std::move(request));
    ++size_;
  }
  // The first; not to be called on an empty line.
  Entry pop() {
    auto line = std::find_if(lines_.rbegin(), lines_.rend(), [](auto& l) { return !l.empty(); });
    Entry first = std::move(line->front());
    line->pop_front();
    --size_;
    return first;
  }
  void remove(const Entry& request) { size_ -= std::erase(line_of(*request), request); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::deque<Entry>& line_of(const PendingRequest& request) {
    return lines_[static_cast<std::size_t>(request.options.priority)];
  }

  std::array<std::deque<Entry>, kNumPriorities> lines_;  // ascending
  std::size_t size_ = 0;
};

}  // namespace weft::llm
