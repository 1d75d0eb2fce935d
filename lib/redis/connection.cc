#include "redis/connection.h"

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/secret_file.h"
#include "command.h"
#include "link.h"
#include "server_info.h"

namespace topgun::redis {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBackoffMin{50};
constexpr milliseconds kBackoffMax{1000};

size_t TotalSize(Connection::Args args) {
  size_t size = 0;
  for (const std::string_view arg : args) size += arg.size();
  return size;
}

}  // namespace

// What is sent waits in `pending_` in the order of its replies. What fails without a reply moves to
// `failures_` and is called back from there, so that Close() inside a callback finds all of it.
class Connection::Impl final : public LinkOwner, public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, ConnectionOptions options, Events events)
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
  uint64_t pending_bytes() const { return pending_bytes_; }

  void Submit(Args head, Args tail, const state::Script* script, milliseconds extra,
              Callback callback);
  void Transact(std::string commands, size_t queued, Callback callback);

  void OnLinkOpen() override;
  void OnLinkBytes() override { last_heard_ = Clock::now(); }
  void OnLinkReply(Reply reply) override;
  void OnLinkBroken(const Status& reason) override { Break(reason); }

 private:
  struct Pending {
    Callback callback;  // may be empty: nobody cares
    Command command;    // kept only with a script, to repeat it
    const state::Script* script = nullptr;
    size_t bytes = 0;
    milliseconds allowance{};  // longest silence while this is the oldest command
    size_t queued = 0;         // replies of a transaction that come before EXEC's
    std::string refusal;       // the first of them that was an error
  };
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

  asio::io_context& io_;
  const ConnectionOptions options_;
  const Events events_;
  std::shared_ptr<Link> link_;  // null between attempts
  bool connected_ = false;      // handshake done
  bool closed_ = false;
  std::string run_;

  std::deque<Pending> pending_;
  uint64_t pending_bytes_ = 0;
  std::deque<Failure> failures_;
  bool failures_posted_ = false;

  asio::steady_timer reply_timer_;
  bool reply_timer_armed_ = false;
  Clock::time_point last_heard_;

  asio::steady_timer run_timer_;
  asio::steady_timer backoff_timer_;
  milliseconds backoff_ = kBackoffMin;
  std::minstd_rand random_{std::random_device{}()};
};

void Connection::Impl::Start() {
  if (closed_ || link_ != nullptr) return;
  link_ = std::make_shared<Link>(io_, shared_from_this());
  last_heard_ = Clock::now();
  ArmReplyTimer();
  link_->Open(options_.address, options_.security.tls);
}

void Connection::Impl::OnLinkOpen() {
  LogIn();
  // A name only helps people: that a server refuses it does not matter.
  const std::array<std::string_view, 3> name = {"CLIENT", "SETNAME", options_.client_name};
  Enqueue(Command(name, {}), nullptr, {}, nullptr);
  const std::array<std::string_view, 1> info = {"INFO"};
  Enqueue(Command(info, {}), nullptr, {}, [this](const StatusOr<Reply>& reply) { OnInfo(reply); });
}

void Connection::Impl::LogIn() {
  const Security& security = options_.security;
  const std::string password = CurrentSecret(security.password, security.password_file);
  std::vector<std::string_view> auth = {"AUTH"};
  if (!security.username.empty()) auth.push_back(security.username);
  auth.push_back(password);
  if (security.username.empty() && password.empty()) return;
  Enqueue(Command(auth, {}), nullptr, {}, [this](const StatusOr<Reply>& reply) {
    if (!reply.ok()) Break(Annotate(reply.status(), "AUTH"));
  });
}

StatusOr<std::string> Connection::Impl::RunOf(const StatusOr<Reply>& info) const {
  if (!info.ok()) return info.status();
  if (options_.any_role) return std::string();
  return RunOfServer(ReplyView(info->get()).str());
}

void Connection::Impl::OnInfo(const StatusOr<Reply>& reply) {
  StatusOr<std::string> run = RunOf(reply);
  if (!run.ok()) return Break(run.status());
  run_ = *std::move(run);
  connected_ = true;
  backoff_ = kBackoffMin;
  CheckRunLater();
  if (events_.connected) events_.connected(run_);
}

void Connection::Impl::CheckRunLater() {
  run_timer_.expires_after(options_.run_check);
  run_timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
    if (!error && self->connected_) self->CheckRun();
  });
}

void Connection::Impl::CheckRun() {
  const std::array<std::string_view, 1> info = {"INFO"};
  Enqueue(Command(info, {}), nullptr, {}, [this](const StatusOr<Reply>& reply) {
    if (!connected_) return;  // broken meanwhile
    const StatusOr<std::string> run = RunOf(reply);
    if (run.ok() && *run == run_) return CheckRunLater();
    Break(run.ok() ? Unavailable("Redis has another replication id by now") : run.status());
  });
}

// When it does not, the callback is taken and told why.
bool Connection::Impl::Admits(size_t bytes, Callback& callback) {
  if (closed_) {
    if (callback) callback(Unavailable("the Redis connection is closed"));
    return false;
  }
  if (!connected_) {
    FailLater(std::move(callback), Unavailable("not connected to Redis"));
    return false;
  }
  if (pending_bytes_ + bytes > options_.pending_bytes_max) {
    FailLater(std::move(callback), ResourceExhausted("too many bytes wait for Redis"));
    return false;
  }
  return true;
}

void Connection::Impl::Submit(Args head, Args tail, const state::Script* script, milliseconds extra,
                              Callback callback) {
  if (!Admits(TotalSize(head) + TotalSize(tail), callback)) return;
  Enqueue(Command(head, tail), script, extra, std::move(callback));
}

void Connection::Impl::Transact(std::string commands, size_t queued, Callback callback) {
  if (!Admits(commands.size(), callback)) return;
  constexpr std::array<std::string_view, 1> kExec = {"EXEC"};
  AppendCommand(commands, kExec, {});
  Await(commands.size(), {}, std::move(callback)).queued = queued;
  link_->Write(std::move(commands));
}

void Connection::Impl::Enqueue(Command command, const state::Script* script, milliseconds extra,
                               Callback callback) {
  link_->Write(command.bytes());
  Pending& pending = Await(command.size(), extra, std::move(callback));
  pending.script = script;
  if (script != nullptr) pending.command = std::move(command);
}

// The reply to so many bytes that are, or will now be, written.
Connection::Impl::Pending& Connection::Impl::Await(size_t bytes, milliseconds extra,
                                                   Callback callback) {
  const bool was_idle = pending_.empty();
  Pending& pending = pending_.emplace_back();
  pending.callback = std::move(callback);
  pending.bytes = bytes;
  pending.allowance = options_.timeout + extra;
  pending_bytes_ += pending.bytes;
  if (was_idle) {
    last_heard_ = Clock::now();
    ArmReplyTimer();
  }
  return pending;
}

void Connection::Impl::OnLinkReply(Reply reply) {
  if (pending_.empty()) return Break(Internal("a reply that nobody asked for"));
  if (Pending& oldest = pending_.front(); oldest.queued > 0) {
    --oldest.queued;
    const ReplyView queued(reply.get());
    if (queued.type() == ReplyType::kError && oldest.refusal.empty()) oldest.refusal = queued.str();
    return;
  }
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  pending_bytes_ -= pending.bytes;
  // Behind a blocking command the timer may be set too late for the next one.
  if (!pending_.empty() && pending_.front().allowance < pending.allowance) ArmReplyTimer();

  const ReplyView view(reply.get());
  if (view.type() != ReplyType::kError) {
    if (pending.callback) pending.callback(std::move(reply));
    return;
  }
  if (pending.script != nullptr && view.str().starts_with("NOSCRIPT")) {
    return Repeat(std::move(pending));
  }
  // EXEC itself says only that something was refused.
  const std::string_view error = pending.refusal.empty() ? view.str() : pending.refusal;
  const Status status = ErrorStatus(error);
  if (pending.callback) pending.callback(status);
  const std::optional<Redirect> redirect = RedirectOf(error);
  if (redirect && events_.redirected && !closed_) events_.redirected(*redirect);
  // Demoted: the run has changed without the connection noticing, so find the new one.
  if (error.starts_with("READONLY")) Break(status);
}

// The server does not know the script, so nothing has run. Should loading fail, the repeated
// command says NOSCRIPT again and its caller is told.
void Connection::Impl::Repeat(Pending pending) {
  const std::array<std::string_view, 3> load = {"SCRIPT", "LOAD", pending.script->source};
  const milliseconds extra = pending.allowance - options_.timeout;
  Enqueue(Command(load, {}), nullptr, {}, nullptr);
  Enqueue(std::move(pending.command), nullptr, extra, std::move(pending.callback));
}

void Connection::Impl::Break(const Status& reason) {
  if (link_ == nullptr) return;
  std::exchange(link_, nullptr)->Close();
  const bool was_connected = std::exchange(connected_, false);
  run_timer_.cancel();
  run_.clear();
  for (Pending& pending : std::exchange(pending_, {})) {
    failures_.push_back({std::move(pending.callback), Unavailable(Message(reason))});
  }
  pending_bytes_ = 0;
  RunFailures(failures_.size());
  const auto& event = was_connected ? events_.disconnected : events_.connect_failed;
  if (!closed_ && event) event(reason);
  if (!closed_) Reconnect();
}

void Connection::Impl::Reconnect() {
  std::uniform_int_distribution<int64_t> jitter(backoff_.count() / 2, backoff_.count());
  backoff_timer_.expires_after(milliseconds(jitter(random_)));
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
  backoff_timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
    if (!error) self->Start();
  });
}

// One timer, moved only when it would fire too late: commands and replies do not touch it.
void Connection::Impl::ArmReplyTimer() {
  const auto allowance = pending_.empty() ? options_.timeout : pending_.front().allowance;
  const auto deadline = last_heard_ + allowance;
  if (reply_timer_armed_ && reply_timer_.expiry() <= deadline) return;
  reply_timer_armed_ = true;
  reply_timer_.expires_at(deadline);
  reply_timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
    if (!error) self->OnReplyTimer();
  });
}

void Connection::Impl::OnReplyTimer() {
  reply_timer_armed_ = false;
  const bool waiting = link_ != nullptr && (!connected_ || !pending_.empty());
  if (closed_ || !waiting) return;
  const auto allowance = pending_.empty() ? options_.timeout : pending_.front().allowance;
  if (Clock::now() < last_heard_ + allowance) return ArmReplyTimer();
  Break(Unavailable("Redis did not reply in time"));
}

void Connection::Impl::FailLater(Callback callback, Status status) {
  failures_.push_back({std::move(callback), std::move(status)});
  if (failures_posted_) return;
  failures_posted_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->failures_posted_ = false;
    self->RunFailures(self->failures_.size());
  });
}

// At most `count`, so that a callback which tries again at once does not keep us here for ever.
void Connection::Impl::RunFailures(size_t count) {
  for (; count > 0 && !failures_.empty(); --count) {
    Failure failure = std::move(failures_.front());
    failures_.pop_front();
    if (failure.callback) failure.callback(failure.status);
  }
}

void Connection::Impl::Close() {
  if (std::exchange(closed_, true)) return;
  reply_timer_.cancel();
  backoff_timer_.cancel();
  Break(Unavailable("the Redis connection is closed"));
  RunFailures(failures_.size());
}

Connection::Connection(asio::io_context& io, ConnectionOptions options, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(events))) {}

Connection::~Connection() { impl_->Close(); }

void Connection::Start() { impl_->Start(); }
void Connection::Close() { impl_->Close(); }
bool Connection::connected() const { return impl_->connected(); }
const std::string& Connection::run() const { return impl_->run(); }
uint64_t Connection::pending_bytes() const { return impl_->pending_bytes(); }

void Connection::Send(Args args, Callback callback) {
  impl_->Submit(args, {}, nullptr, {}, std::move(callback));
}

void Connection::Send(std::initializer_list<std::string_view> args, Callback callback) {
  impl_->Submit({args.begin(), args.size()}, {}, nullptr, {}, std::move(callback));
}

void Connection::Eval(const state::Script& script, size_t key_count, Args keys_and_args,
                      Callback callback) {
  const std::string keys = std::to_string(key_count);
  const std::array<std::string_view, 3> head = {"EVALSHA", script.sha1, keys};
  impl_->Submit(head, keys_and_args, &script, {}, std::move(callback));
}

void Connection::Transact(Transaction transaction, Callback callback) {
  // MULTI and every command are answered before EXEC is.
  impl_->Transact(std::move(transaction.bytes_), transaction.commands_ + 1, std::move(callback));
}

void Connection::SendBlocking(Args args, std::chrono::milliseconds extra, Callback callback) {
  impl_->Submit(args, {}, nullptr, extra, std::move(callback));
}

}  // namespace topgun::redis
