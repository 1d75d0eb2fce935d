// Sending batches and taking their results; connecting is in connection_connect.cc.
#include "pg/connection.h"

#include "connection_impl.h"

namespace topgun::pg {

void Connection::Impl::Enqueue(std::vector<Statement> statements, std::string script,
                               Callback callback) {
  if (state_ != State::kConnected) {
    callback(Unavailable("Postgres is not connected"));
    return;
  }
  queue_.push_back({std::move(statements), std::move(script), std::move(callback), {}, {}});
  SendNext();
}

void Connection::Impl::SendNext() {
  if (in_flight_ || queue_.empty() || state_ != State::kConnected) return;
  in_flight_ = true;
  const Batch& batch = queue_.front();
  const bool script = !batch.script.empty();
  if (!(script ? SendScript(batch) : SendStatements(batch))) {
    Break(LastError("sending to Postgres"));
    return;
  }
  ArmTimer(script ? options_.script_timeout : options_.batch_timeout, "waiting for Postgres");
  Flush();
}

bool Connection::Impl::SendStatements(const Batch& batch) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const Statement& statement : batch.statements) {
    values.clear();
    lengths.clear();
    for (const std::string& value : statement.params.values()) {
      values.push_back(value.data());
      lengths.push_back(static_cast<int>(value.size()));
    }
    const std::vector<int> binary(values.size(), 1);
    if (PQsendQueryParams(connection_.get(), statement.sql.c_str(), statement.params.count(),
                          statement.params.types().data(), values.data(), lengths.data(),
                          binary.data(), 1) != 1) {
      return false;
    }
  }
  return PQpipelineSync(connection_.get()) == 1;
}

// The simple protocol knows several commands in one string, but not the pipeline.
bool Connection::Impl::SendScript(const Batch& batch) {
  return PQexitPipelineMode(connection_.get()) == 1 &&
         PQsendQuery(connection_.get(), batch.script.c_str()) == 1;
}

// Always on, so that a connection that ends while idle is noticed.
void Connection::Impl::WatchReads() {
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this(), session = session_](auto error) {
                       if (session == self->session_ && !error) self->OnReadable();
                     });
}

void Connection::Impl::Flush() {
  const int left = PQflush(connection_.get());
  if (left < 0) {
    Break(LastError("sending to Postgres"));
  } else if (left > 0 && !watching_writes_) {
    watching_writes_ = true;
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                       [self = shared_from_this(), session = session_](auto error) {
                         if (session != self->session_ || error) return;
                         self->watching_writes_ = false;
                         self->Flush();
                       });
  }
}

void Connection::Impl::OnReadable() {
  if (PQconsumeInput(connection_.get()) != 1) {
    Break(LastError("reading from Postgres"));
    return;
  }
  const uint64_t session = session_;
  while (in_flight_ && PQisBusy(connection_.get()) == 0) {
    if (TakeResult(PQgetResult(connection_.get()))) FinishBatch();
    if (session != session_) return;  // a callback closed us, or the connection broke
  }
  if (PQstatus(connection_.get()) == CONNECTION_BAD) {
    Break(LastError("reading from Postgres"));
    return;
  }
  WatchReads();
}

bool Connection::Impl::TakeResult(PGresult* raw) {
  Batch& batch = queue_.front();
  if (raw == nullptr) return !batch.script.empty();  // end of a statement, or of the whole script
  const ExecStatusType status = PQresultStatus(raw);
  if (status == PGRES_PIPELINE_SYNC) {
    PQclear(raw);
    return true;
  }
  Result result(raw);
  if (status == PGRES_FATAL_ERROR && batch.error.ok()) {
    const char* sql_state = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
    batch.error =
        StatusOfSqlState(sql_state == nullptr ? "" : sql_state, PQresultErrorMessage(raw));
    if (PQstatus(connection_.get()) == CONNECTION_BAD) Break(Status(batch.error));
  } else if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
    if (batch.script.empty()) batch.results.push_back(std::move(result));
  }
  return false;
}

void Connection::Impl::FinishBatch() {
  timer_.cancel();
  Batch batch = std::move(queue_.front());
  queue_.pop_front();
  in_flight_ = false;
  if (!batch.script.empty() && PQenterPipelineMode(connection_.get()) != 1) {
    Break(LastError("entering pipeline mode"));
  }
  // The next batch leaves before this one is looked at: the server works meanwhile.
  SendNext();
  if (batch.error.ok()) {
    batch.callback(std::move(batch.results));
  } else {
    batch.callback(batch.error);
  }
}

void Connection::Impl::ArmTimer(std::chrono::milliseconds timeout, std::string_view doing) {
  timer_.expires_after(timeout);
  timer_.async_wait([self = shared_from_this(), session = session_, doing](auto error) {
    if (error || session != self->session_) return;
    // The timer may have been armed again after it expired and before we ran.
    if (self->timer_.expiry() > std::chrono::steady_clock::now()) return;
    self->Break(Unavailable(std::string(doing) + ": time-out"));
  });
}

Connection::Connection(boost::asio::io_context& io, ConnectionOptions options, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(events))) {}
Connection::~Connection() { impl_->Close(); }
void Connection::Start() { impl_->Start(); }
void Connection::Close() { impl_->Close(); }
bool Connection::connected() const { return impl_->connected(); }
size_t Connection::pending() const { return impl_->pending(); }

void Connection::Execute(std::vector<Statement> statements, Callback callback) {
  impl_->Enqueue(std::move(statements), {}, std::move(callback));
}
void Connection::ExecuteScript(std::string sql, Callback callback) {
  impl_->Enqueue({}, std::move(sql), std::move(callback));
}

}  // namespace topgun::pg
