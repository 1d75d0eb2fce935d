// Starts a coroutine that nobody waits for.
//
// Our coroutines report errors as statuses; an exception is a broken invariant or a lack of memory
// and ends the process. Any thread.
#pragma once

#include <exception>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace topgun::storage {

inline void Spawn(boost::asio::io_context& io, boost::asio::awaitable<void> work) {
  boost::asio::co_spawn(io, std::move(work), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace topgun::storage
