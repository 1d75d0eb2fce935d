// Callbacks as awaitables: the one bridge between the adapters (Redis, Postgres, gRPC), which
// report through callbacks, and the coroutines of this service.
//
//   const StatusOr<Reply> reply = co_await Await<StatusOr<Reply>>(
//       [&](auto done) { connection.Send({"PING"}, std::move(done)); });
//
// Threads: one loop thread. The coroutine always resumes in a fresh turn of the loop, never inside
// the adapter that completed it, so it may close or destroy that adapter. A callback that is
// dropped without being called destroys the waiting coroutine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace topgun::storage {

using boost::asio::awaitable;

// `start` is called once, at once, with a copyable `void(T)`.
template <typename T, typename Start>
awaitable<T> Await(Start start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(
      [](auto handler, Start run) {
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        run([shared](T value) {
          const auto executor = boost::asio::get_associated_executor(*shared);
          boost::asio::post(executor, [shared, result = std::move(value)]() mutable {
            // The handler must not outlive its call: it is the coroutine's only owner.
            auto resume = std::move(*shared);
            resume(std::move(result));
          });
        });
      },
      boost::asio::use_awaitable, std::move(start));
}

}  // namespace topgun::storage
