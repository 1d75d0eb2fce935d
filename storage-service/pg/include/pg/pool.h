// A fixed number of connections to one database; a batch goes to the connected one with the least
// work.
//
// Threads: the loop's. Ownership: the creator. Fails at once with UNAVAILABLE while no connection
// is up.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "pg/connection.h"

namespace topgun::pg {

using Results = std::vector<Result>;

class Pool {
 public:
  struct Events {
    std::function<void()> connected;                         // one more connection is up
    std::function<void(const Status& reason)> disconnected;  // one less, or an attempt failed
  };

  Pool(boost::asio::io_context& io, const ConnectionOptions& options, size_t size, Events events);

  void Start();
  void Close();
  bool connected() const;  // at least one is

  // One transaction.
  boost::asio::awaitable<StatusOr<Results>> Execute(std::vector<Statement> statements);
  boost::asio::awaitable<StatusOr<Results>> Execute(Statement statement);
  boost::asio::awaitable<Status> ExecuteScript(std::string sql);

 private:
  Connection* Pick();

  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace topgun::pg
