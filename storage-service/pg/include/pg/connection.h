// One non-blocking libpq connection in pipeline mode.
//
// Work comes as batches: the statements of a batch are sent together and closed by one Sync, which
// makes them one transaction that is committed or rolled back as a whole. Unnamed statements, no
// session state: a transaction pooler may stand between.
//
// Threads: everything on the loop that `io` runs on. Ownership: the creator; Close() and
// destruction first fail what is pending. Connects by itself and reconnects with backoff (100 ms
// doubling to 5 s, jittered). Batches given while disconnected fail at once with UNAVAILABLE; so do
// those in flight when the connection breaks, and then the caller cannot know whether they were
// committed. Limits: one batch in flight, the others wait in order; a batch that gets no answer
// within `batch_timeout`, and a script within `script_timeout`, breaks the connection. Resolving
// the host name blocks the loop (libpq does it): use addresses or Unix sockets where that matters.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/status.h"
#include "pg/params.h"
#include "pg/result.h"

namespace topgun::pg {

struct ConnectionOptions {
  std::string conninfo;            // key=value words or a postgresql:// URL
  std::string password = {};       // used when not empty, instead of one in conninfo
  std::string password_file = {};  // read instead of it at every connect, when it can be
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds batch_timeout{30000};
  std::chrono::milliseconds script_timeout{std::chrono::hours(6)};  // may rewrite a table
};

struct Statement {
  std::string sql;
  Params params;
};

class Connection {
 public:
  // One result per statement, or the first error (StatusOfSqlState()).
  using Callback = std::function<void(StatusOr<std::vector<Result>>)>;

  struct Events {
    std::function<void()> connected;
    std::function<void(const Status& reason)> disconnected;  // also after each failed attempt
  };

  Connection(boost::asio::io_context& io, ConnectionOptions options, Events events);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();
  void Close();
  bool connected() const;
  // Batches waiting or in flight.
  size_t pending() const;

  void Execute(std::vector<Statement> statements, Callback callback);
  // SQL with several commands and no parameters, as one transaction. The result is empty.
  void ExecuteScript(std::string sql, Callback callback);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace topgun::pg
