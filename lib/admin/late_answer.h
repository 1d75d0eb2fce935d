// How an answer that another thread gives reaches the connection that waits for it. Private to this
// library.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "admin/admin_server.h"

namespace topgun::admin {

// An answer that is waited for. Of the server thread.
struct Awaited {
  explicit Awaited(boost::asio::io_context& loop) : arrival(loop) {}

  boost::asio::steady_timer arrival;  // ends with the answer or with patience
  std::optional<Response> response;
};

// How other threads reach the loop for as long as there is one. Any thread.
class LoopHandle {
 public:
  explicit LoopHandle(boost::asio::io_context& loop) : loop_(&loop) {}

  // The first answer counts, and only while somebody waits.
  void Deliver(std::weak_ptr<Awaited> awaited, Response response) {
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr) return;
    boost::asio::post(*loop_,
                      [awaited = std::move(awaited), response = std::move(response)]() mutable {
                        const auto waiting = awaited.lock();
                        if (waiting == nullptr || waiting->response) return;
                        waiting->response = std::move(response);
                        waiting->arrival.cancel();
                      });
  }
  // The loop ends.
  void Close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* loop_;
};

}  // namespace topgun::admin
