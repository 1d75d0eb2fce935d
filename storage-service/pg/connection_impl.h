// The state of a pg::Connection; see connection.h. Kept alive by its pending socket and timer
// handlers, which check `session_` so that nothing of an earlier connection touches a later one.
#pragma once

#include <libpq-fe.h>

#include <deque>
#include <optional>
#include <random>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "pg/connection.h"

namespace topgun::pg {

class Connection::Impl : public std::enable_shared_from_this<Connection::Impl> {
 public:
  Impl(boost::asio::io_context& io, ConnectionOptions options, Events events);

  void Start();
  void Close();
  bool connected() const { return state_ == State::kConnected; }
  size_t pending() const { return queue_.size(); }
  void Enqueue(std::vector<Statement> statements, std::string script, Callback callback);

 private:
  enum class State { kIdle, kConnecting, kConnected, kWaiting, kClosed };

  struct Batch {
    std::vector<Statement> statements;
    std::string script;  // instead of statements
    Callback callback;
    std::vector<Result> results;
    Status error;
  };

  struct ConnDeleter {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  // Connecting.
  void Connect();
  void WatchConnect(PostgresPollingStatusType wanted);
  void PollConnect();
  void BecomeConnected();
  void Break(const Status& reason);
  void ScheduleReconnect();
  void FailPending(const Status& reason);
  Status LastError(std::string_view doing) const;

  // Batches.
  void SendNext();
  bool SendStatements(const Batch& batch);
  bool SendScript(const Batch& batch);
  void WatchReads();
  void Flush();
  void OnReadable();
  bool TakeResult(PGresult* result);  // true at the end of the batch
  void FinishBatch();
  void ArmTimer(std::chrono::milliseconds timeout, std::string_view doing);

  boost::asio::io_context& io_;
  const ConnectionOptions options_;
  const Events events_;

  State state_ = State::kIdle;
  uint64_t session_ = 0;
  std::unique_ptr<PGconn, ConnDeleter> connection_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  bool watching_writes_ = false;
  std::chrono::milliseconds backoff_;
  std::minstd_rand jitter_{std::random_device{}()};

  std::deque<Batch> queue_;
  bool in_flight_ = false;
};

}  // namespace topgun::pg
