// Connection::Impl: the state of a connection. Sending and answering are in connection.cc, becoming
// ready and staying with one run in connection_handshake.cc. Private to this library.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "command.h"
#include "link.h"
#include "redis/connection.h"
#include "reply_queue.h"

namespace topgun::redis {

// What is sent waits in `pending_` in the order of its replies. What fails without a reply moves to
// `failures_` and is called back from there, so that Close() inside a callback finds all of it.
class Connection::Impl final : public LinkOwner, public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, ConnectionOptions options, Events events)
      : io_(io),
        options_(std::move(options)),
        events_(std::move(events)),
        reply_timer_(io),
        run_timer_(io),
        backoff_timer_(io) {}

  void Start();
  void Close();
  bool connected() const { return connected_; }
  const std::string& run() const { return run_; }
  uint64_t pending_bytes() const { return pending_.bytes(); }

  void Submit(Args head, Args tail, const state::Script* script, std::chrono::milliseconds extra,
              Callback callback);
  void Transact(std::string commands, size_t queued, Callback callback);

  void OnLinkOpen() override;
  void OnLinkBytes() override { last_heard_ = Clock::now(); }
  void OnLinkReply(Reply reply) override;
  void OnLinkBroken(const Status& reason) override { Break(reason); }

 private:
  using Clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds kBackoffMin{50};
  static constexpr milliseconds kBackoffMax{1000};

  using Pending = ReplyQueue::Pending;
  struct Failure {
    Callback callback;
    Status status;
  };

  bool Admits(size_t bytes, Callback& callback);
  void Enqueue(Command command, const state::Script* script, milliseconds extra, Callback callback);
  Pending& Await(size_t bytes, milliseconds extra, Callback callback);
  void Repeat(Pending pending);
  void LogIn();
  StatusOr<std::string> RunOf(const StatusOr<Reply>& info) const;
  void OnInfo(const StatusOr<Reply>& reply);
  void CheckRunLater();
  void CheckRun();
  void Break(const Status& reason);
  void Reconnect();
  void ArmReplyTimer();
  void OnReplyTimer();
  void FailLater(Callback callback, Status status);
  void RunFailures(size_t count);

  boost::asio::io_context& io_;
  const ConnectionOptions options_;
  const Events events_;
  std::shared_ptr<Link> link_;  // null between attempts
  bool connected_ = false;      // handshake done
  bool closed_ = false;
  std::string run_;

  ReplyQueue pending_;
  std::deque<Failure> failures_;
  bool failures_posted_ = false;

  boost::asio::steady_timer reply_timer_;
  bool reply_timer_armed_ = false;
  Clock::time_point last_heard_;

  boost::asio::steady_timer run_timer_;
  boost::asio::steady_timer backoff_timer_;
  milliseconds backoff_ = kBackoffMin;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace topgun::redis
