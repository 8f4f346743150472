// Work that a hook hands over to the threads completions run on.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>

#include "api/async/runtime.h"
#include "api/async/runtime_core.h"

namespace weft::c {

// Runs `work` on a worker of the runtime, later; once that is shut down, on a thread of the
// system's: never on the calling one, which may be one that others wait for.
inline void post(const std::shared_ptr<async::Runtime>& runtime,
                 const std::function<void()>& work) {
  if (!runtime->core()->post(work)) boost::asio::post(boost::asio::system_executor(), work);
}

}  // namespace weft::c
