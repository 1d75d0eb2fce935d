// Wakes one waiting coroutine, or the next one to wait: an auto-reset event with a time-out.
//
// Threads: one loop thread. At most one coroutine waits at a time. Destroying the signal while
// somebody waits destroys the coroutine with the loop, so owners end their coroutines first.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace topgun::storage {

class Signal {
 public:
  explicit Signal(boost::asio::io_context& io) : timer_(io) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void Notify() {
    notified_ = true;
    timer_.cancel();
  }

  // Returns at the next Notify(), at once if one came since the last Wait(), or after `timeout`.
  boost::asio::awaitable<void> Wait(std::chrono::milliseconds timeout) {
    if (!notified_) {
      timer_.expires_after(timeout);
      boost::system::error_code ignored;
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    notified_ = false;
  }

 private:
  boost::asio::steady_timer timer_;
  bool notified_ = false;
};

}  // namespace topgun::storage
