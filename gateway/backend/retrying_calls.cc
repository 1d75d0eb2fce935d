#include "backend/retrying_calls.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "rpc/status.h"

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;
using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

constexpr std::chrono::milliseconds kBackoffMin{50};
constexpr std::chrono::milliseconds kBackoffMax{1'000};

}  // namespace

struct RetryingCalls::AttemptSpan {
  Tracer::Traced traced;
  std::string replica;
  steady_clock::time_point start;
};

// A call from its first attempt to its end.
struct RetryingCalls::Pending {
  Pending(boost::asio::io_context& io, const Terms& terms, std::string_view method_in,
          std::string name_in, Start start_in, Done done_in)
      : route(terms.route),
        method(method_in),
        name(std::move(name_in)),
        start(std::move(start_in)),
        done(std::move(done_in)),
        deadline(steady_clock::now() + terms.patience),
        timer(io) {}

  const Route route;
  const std::string_view method;
  const std::string name;
  const Start start;
  const Done done;
  const steady_clock::time_point deadline;
  size_t attempt = 0;
  std::string replica;    // address of the last attempt's
  bool failed = false;    // that attempt
  bool rerouted = false;  // it was given up to go elsewhere
  std::chrono::milliseconds backoff = kBackoffMin;
  boost::asio::steady_timer timer;
  std::optional<grpc::ClientContext> context;  // of the attempt on its way
  Tracer::QuestionPtr question;                // that it is made for, if that is traced
  std::optional<AttemptSpan> span;             // of the attempt on its way, with a question
};

RetryingCalls::Handle RetryingCalls::Run(const Terms& terms, std::string_view method,
                                         std::string name, Start start, Done done) {
  auto pending = std::make_shared<Pending>(io_, terms, method, std::move(name), std::move(start),
                                           std::move(done));
  pending->question = replicas_.tracer().current();
  pending_.insert(pending);
  Attempt(pending);
  return pending;
}

void RetryingCalls::Cancel(const Handle& call) {
  const auto pending = std::static_pointer_cast<Pending>(call.lock());
  if (pending == nullptr || pending_.erase(pending) == 0) return;
  pending->timer.cancel();
  if (pending->context) pending->context->TryCancel();
}

void RetryingCalls::Reroute() {
  for (const auto& pending : pending_) {
    if (pending->route != Route::kMeet || !pending->context) continue;
    const Replica* const best = replicas_.Pick(pending->name);
    if (best == nullptr || best->address() == pending->replica) continue;
    pending->rerouted = true;
    pending->context->TryCancel();
  }
}

Replica* RetryingCalls::Choose(Pending& pending) {
  if (pending.route == Route::kNext) return replicas_.Pick(pending.name, pending.attempt++);
  Replica* const best = replicas_.Pick(pending.name);
  const bool has_failed = pending.failed && best != nullptr && best->address() == pending.replica;
  return has_failed ? replicas_.Pick(pending.name, 1) : best;
}

void RetryingCalls::Attempt(const std::shared_ptr<Pending>& pending) {
  if (closed_ || !pending_.contains(pending)) return;
  Replica* const replica = Choose(*pending);
  if (replica == nullptr) return Retry(pending, Unavailable("no sync replica is up"));
  pending->replica = replica->address();
  ++active_calls_;
  pending->context.emplace();
  const auto left = pending->deadline - steady_clock::now();
  pending->context->set_deadline(std::chrono::system_clock::now() + left);
  if (pending->question != nullptr) BeginSpan(*pending, *replica);
  // Both belong to the loop: whatever gRPC still holds when the loop ends must not own them.
  struct OnItsWay {
    std::shared_ptr<Pending> pending;
    WorkGuard work;
  };
  auto* const on_its_way = new OnItsWay{pending, WorkGuard(io_.get_executor())};
  pending->start(*replica, *pending->context, [this, on_its_way](const grpc::Status& status) {
    boost::asio::post(io_, [this, on_its_way, result = rpc::FromGrpc(status)] {
      const std::unique_ptr<OnItsWay> owned(on_its_way);
      --active_calls_;
      owned->pending->context.reset();
      if (owned->pending->span) EndSpan(*owned->pending, result);
      OnEnded(owned->pending, result);
    });
  });
}

void RetryingCalls::BeginSpan(Pending& pending, const Replica& replica) {
  Tracer::Traced traced = replicas_.tracer().TraceCall(*pending.question);
  const auto add = [&pending](std::string_view name, const std::string& value) {
    if (!value.empty()) pending.context->AddMetadata(std::string(name), value);
  };
  add(tracing::kTraceparent, tracing::Traceparent(traced.context));
  add(tracing::kTracestate, traced.context.state);
  pending.span = {std::move(traced), replica.address(), steady_clock::now()};
}

void RetryingCalls::EndSpan(Pending& pending, const Status& status) {
  const AttemptSpan& span = *pending.span;
  replicas_.tracer().CallEnded(span.traced, "/topgun.sync.v1.Sync/" + std::string(pending.method),
                               span.replica, span.start, status);
  pending.span.reset();
}

void RetryingCalls::OnEnded(const std::shared_ptr<Pending>& pending, const Status& status) {
  if (closed_ || !pending_.contains(pending)) return;
  const bool rerouted = std::exchange(pending->rerouted, false);
  pending->failed = !status.ok() && !rerouted;
  if (!status.ok() && rerouted) return Attempt(pending);
  // Another replica would not understand it either.
  const bool final = status.ok() || status.code() == StatusCode::kInvalidArgument;
  if (!final) return Retry(pending, status);
  pending_.erase(pending);
  pending->done(status);
}

void RetryingCalls::Retry(const std::shared_ptr<Pending>& pending, const Status& reason) {
  if (steady_clock::now() + pending->backoff >= pending->deadline) {
    // In a turn of its own: Run() must not call back.
    boost::asio::post(io_, [this, pending, reason] {
      if (pending_.erase(pending) > 0) pending->done(reason);
    });
    return;
  }
  pending->timer.expires_after(pending->backoff);
  pending->backoff = std::min(pending->backoff * 2, kBackoffMax);
  pending->timer.async_wait([this, pending](const boost::system::error_code& error) {
    if (!error) Attempt(pending);
  });
}

void RetryingCalls::Close() {
  closed_ = true;
  for (const auto& pending : std::exchange(pending_, {})) {
    pending->timer.cancel();
    if (pending->context) pending->context->TryCancel();
  }
}

}  // namespace topgun::gateway
