#include "redis/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/post.hpp>

#include "connection_impl.h"

namespace topgun::redis {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

size_t TotalSize(Connection::Args args) {
  size_t size = 0;
  for (const std::string_view arg : args) size += arg.size();
  return size;
}

}  // namespace

void Connection::Impl::Start() {
  if (closed_ || link_ != nullptr) return;
  link_ = std::make_shared<Link>(io_, shared_from_this());
  last_heard_ = Clock::now();
  ArmReplyTimer();
  link_->Open(options_.address, options_.security.tls);
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
  if (pending_.bytes() + bytes > options_.pending_bytes_max) {
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
  Pending& pending = pending_.Push(bytes, options_.timeout + extra, std::move(callback));
  if (was_idle) {
    last_heard_ = Clock::now();
    ArmReplyTimer();
  }
  return pending;
}

void Connection::Impl::OnLinkReply(Reply reply) {
  if (pending_.empty()) return Break(Internal("a reply that nobody asked for"));
  if (pending_.Absorb(reply)) return;
  Pending pending = pending_.Pop();
  // Behind a blocking command the timer may be set too late for the next one.
  if (!pending_.empty() && pending_.oldest().allowance < pending.allowance) ArmReplyTimer();

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
  for (Pending& pending : pending_.TakeAll()) {
    failures_.push_back({std::move(pending.callback), Unavailable(Message(reason))});
  }
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
  const auto allowance = pending_.empty() ? options_.timeout : pending_.oldest().allowance;
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
  const auto allowance = pending_.empty() ? options_.timeout : pending_.oldest().allowance;
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
