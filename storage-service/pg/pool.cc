#include "pg/pool.h"

#include <algorithm>

#include "async/await.h"

namespace topgun::pg {

using boost::asio::awaitable;
using storage::Await;

Pool::Pool(boost::asio::io_context& io, const ConnectionOptions& options, size_t size,
           Events events) {
  for (size_t i = 0; i < size; ++i) {
    connections_.push_back(std::make_unique<Connection>(
        io, options, Connection::Events{events.connected, events.disconnected}));
  }
}

void Pool::Start() {
  for (const auto& connection : connections_) connection->Start();
}

void Pool::Close() {
  for (const auto& connection : connections_) connection->Close();
}

bool Pool::connected() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->connected(); });
}

Connection* Pool::Pick() {
  Connection* best = nullptr;
  for (const auto& connection : connections_) {
    if (!connection->connected()) continue;
    if (best == nullptr || connection->pending() < best->pending()) best = connection.get();
  }
  return best;
}

awaitable<StatusOr<Results>> Pool::Execute(std::vector<Statement> statements) {
  Connection* const connection = Pick();
  if (connection == nullptr) co_return Unavailable("Postgres is not connected");
  auto start = [connection, &statements](Connection::Callback done) {
    connection->Execute(std::move(statements), std::move(done));
  };
  co_return co_await Await<StatusOr<Results>>(start);
}

awaitable<StatusOr<Results>> Pool::Execute(Statement statement) {
  std::vector<Statement> statements;
  statements.push_back(std::move(statement));
  co_return co_await Execute(std::move(statements));
}

awaitable<Status> Pool::ExecuteScript(std::string sql) {
  Connection* const connection = Pick();
  if (connection == nullptr) co_return Unavailable("Postgres is not connected");
  auto start = [connection, &sql](Connection::Callback done) {
    connection->ExecuteScript(std::move(sql), std::move(done));
  };
  const StatusOr<Results> result = co_await Await<StatusOr<Results>>(start);
  co_return result.status();
}

}  // namespace topgun::pg
