// Connecting, breaking and reconnecting.
#include "connection_impl.h"

#include <algorithm>

#include "base/secret_file.h"

namespace topgun::pg {
namespace {

constexpr std::chrono::milliseconds kBackoffMin{100};
constexpr std::chrono::milliseconds kBackoffMax{5000};

}  // namespace

Connection::Impl::Impl(boost::asio::io_context& io, ConnectionOptions options, Events events)
    : io_(io),
      options_(std::move(options)),
      events_(std::move(events)),
      socket_(io),
      timer_(io),
      backoff_(kBackoffMin) {}

void Connection::Impl::Start() {
  if (state_ == State::kIdle) Connect();
}

void Connection::Impl::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  ++session_;
  timer_.cancel();
  if (socket_.is_open()) socket_.release();
  connection_.reset();
  FailPending(Unavailable("the Postgres connection was closed"));
}

void Connection::Impl::Connect() {
  state_ = State::kConnecting;
  ++session_;
  // `dbname` may be a whole conninfo string; what follows it wins over what the string says.
  std::vector<const char*> names = {"dbname", "fallback_application_name", "client_encoding"};
  std::vector<const char*> values = {options_.conninfo.c_str(), "topgun-storage", "UTF8"};
  const std::string password = CurrentSecret(options_.password, options_.password_file);
  if (!password.empty()) {
    names.push_back("password");
    values.push_back(password.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  if (connection_ == nullptr || PQstatus(connection_.get()) == CONNECTION_BAD) {
    Break(LastError("connecting to Postgres"));
    return;
  }
  ArmTimer(options_.connect_timeout, "connecting to Postgres");
  WatchConnect(PGRES_POLLING_WRITING);
}

void Connection::Impl::WatchConnect(PostgresPollingStatusType wanted) {
  socket_.assign(PQsocket(connection_.get()));
  const auto direction = wanted == PGRES_POLLING_READING
                             ? boost::asio::posix::stream_descriptor::wait_read
                             : boost::asio::posix::stream_descriptor::wait_write;
  socket_.async_wait(direction, [self = shared_from_this(), session = session_](auto error) {
    if (session == self->session_ && !error) self->PollConnect();
  });
}

void Connection::Impl::PollConnect() {
  // libpq may replace its socket while it connects, even by one with the same number.
  socket_.release();
  const PostgresPollingStatusType next = PQconnectPoll(connection_.get());
  if (next == PGRES_POLLING_FAILED) {
    Break(LastError("connecting to Postgres"));
  } else if (next == PGRES_POLLING_OK) {
    BecomeConnected();
  } else {
    WatchConnect(next);
  }
}

void Connection::Impl::BecomeConnected() {
  timer_.cancel();
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) {
    Break(LastError("entering pipeline mode"));
    return;
  }
  socket_.assign(PQsocket(connection_.get()));
  state_ = State::kConnected;
  backoff_ = kBackoffMin;
  WatchReads();
  if (events_.connected) events_.connected();
  SendNext();
}

void Connection::Impl::Break(const Status& reason) {
  if (state_ == State::kClosed) return;
  state_ = State::kWaiting;
  ++session_;
  timer_.cancel();
  if (socket_.is_open()) socket_.release();  // closed by PQfinish
  connection_.reset();
  FailPending(reason);
  if (events_.disconnected) events_.disconnected(reason);
  if (state_ == State::kWaiting) ScheduleReconnect();
}

void Connection::Impl::ScheduleReconnect() {
  std::uniform_int_distribution<int64_t> spread(backoff_.count() / 2, backoff_.count());
  timer_.expires_after(std::chrono::milliseconds(spread(jitter_)));
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
  timer_.async_wait([self = shared_from_this(), session = session_](auto error) {
    if (!error && session == self->session_) self->Connect();
  });
}

// Callbacks may give new batches; the queue is empty and the state is set before the first runs.
void Connection::Impl::FailPending(const Status& reason) {
  std::deque<Batch> failed;
  failed.swap(queue_);
  in_flight_ = false;
  watching_writes_ = false;
  for (Batch& batch : failed) batch.callback(reason);
}

Status Connection::Impl::LastError(std::string_view doing) const {
  const char* text = connection_ == nullptr ? "out of memory" : PQerrorMessage(connection_.get());
  return Annotate(StatusOfSqlState("", text), doing);
}

}  // namespace topgun::pg
