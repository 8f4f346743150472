// with_timeout, first_of, all_of: what Asio's operators (`a || b`, `a && b`) do for two, with a
// deadline, or for any number. Coroutines on a strand, as Runtime::spawn() gives each task, or on a
// context that one thread runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/async/task.h"

namespace weft::async {

// What `work` gives, or kTimedOut once the time is over: it is cancelled then, and has ended.
template <class T>
Awaitable<Result<T>> with_timeout(std::chrono::milliseconds timeout, Awaitable<Result<T>> work) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  auto first = co_await (std::move(work) || timer.async_wait(asio::use_awaitable));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return fail(ErrorCode::kTimedOut,
                 "not done within " + std::to_string(timeout.count()) + " ms");
}

namespace detail {

template <class T, class Condition>
auto run_group(const Executor& executor, std::vector<Awaitable<T>> all, Condition condition) {
  using Started = decltype(asio::co_spawn(executor, std::move(all.front()), asio::deferred));
  std::vector<Started> started;
  for (auto& each : all) {
    started.push_back(asio::co_spawn(executor, std::move(each), asio::deferred));
  }
  return asio::experimental::make_parallel_group(std::move(started))
      .async_wait(condition, asio::use_awaitable);
}

}  // namespace detail

// Which of several completed first, and with what.
template <class T>
struct First {
  size_t index = 0;  // of it among all
  T value{};         // what it gave
};
// The one that completes first, an error among the values or not; the others are cancelled, and
// have ended. At least one; T has a default. What the first throws is thrown.
template <class T>
Awaitable<First<T>> first_of(std::vector<Awaitable<T>> all) {
  const Executor executor = co_await asio::this_coro::executor;
  auto [order, thrown, values] =
      co_await detail::run_group(executor, std::move(all), asio::experimental::wait_for_one());
  const size_t first = order.front();
  if (thrown[first]) std::rethrow_exception(thrown[first]);
  co_return First<T>{first, std::move(values[first])};
}

// What all give, in their order. An exception of one is thrown when all have ended.
template <class T>
Awaitable<std::vector<T>> all_of(std::vector<Awaitable<T>> all) {
  if (all.empty()) co_return std::vector<T>{};
  const Executor executor = co_await asio::this_coro::executor;
  auto [order, thrown, values] =
      co_await detail::run_group(executor, std::move(all), asio::experimental::wait_for_all());
  for (const std::exception_ptr& each : thrown) {
    if (each) std::rethrow_exception(each);
  }
  co_return std::move(values);
}

}  // namespace weft::async
