#include "http/sync_exchange.h"

#include <utility>

namespace topgun::gateway {
namespace {

constexpr size_t kReasonsMax = 100;  // entries about single operations
constexpr std::string_view kPoliciesUnknown = "access policies are not known yet, try again later";

HttpResponse MessagePack(std::string body) {
  return {
      .status = 200, .content_type = "application/msgpack", .body = std::move(body), .headers = {}};
}

std::string_view IdOf(const wire::Op& op) { return op.has_id ? op.id : std::string_view(); }

}  // namespace

SyncExchange::SyncExchange(const SyncOptions& options, const SyncServices& services, ReadGate& gate,
                           crdt::HybridLogicalClock& hlc, Principal principal, std::string body,
                           Respond respond)
    : options_(options),
      services_(services),
      gate_(gate),
      hlc_(hlc),
      principal_(std::move(principal)),
      body_(std::move(body)),
      question_(services.tracer.current()),
      respond_(std::move(respond)) {}

void SyncExchange::Begin(Time now) {
  access_deadline_ = now + options_.access_patience;
  deadline_ = now + options_.patience;
  if (!Decode()) return;
  hlc_.Observe(request_.client_hlc);
  if (AccessKnown()) Write();
}

bool SyncExchange::Decode() {
  if (body_.empty()) return true;
  const wire::DecodeResult decoded = wire::DecodeSyncRequest(body_, request_);
  if (decoded.ok()) return true;
  std::string message = "invalid MsgPack body: " + std::string(wire::Name(decoded.error));
  if (!decoded.field.empty()) message.append(" ").append(decoded.field);
  phase_ = Phase::kDone;
  respond_(JsonError(static_cast<int>(sync_error::kBadRequest), message));
  return false;
}

void SyncExchange::Tick(Time now) {
  if (phase_ == Phase::kAccess && AccessKnown()) return Write();
  if (phase_ == Phase::kAccess && now >= access_deadline_) {
    // What is not known to be forbidden is not refused for good.
    answer_.AddError(sync_error::kUnavailable, std::string(kPoliciesUnknown));
    return Finish();
  }
  if (phase_ == Phase::kDone || now < deadline_) return;
  answer_.AddError(sync_error::kUnavailable,
                   "operation timed out after " + std::to_string(options_.patience.count()) + "ms");
  Finish();
}

// ---- Access ----

Decision SyncExchange::MayWrite(const wire::Op& op) const {
  return services_.access.Check(principal_, Action::kWrite, op.map, op.value);
}

bool SyncExchange::AccessKnown() const {
  return services_.access.state() != AccessControl::State::kUnknown;
}

// ---- Writes ----

void SyncExchange::Write() {
  const Tracer::Scope scope(services_.tracer, question_);  // policies may have been waited for
  phase_ = Phase::kWriting;
  if (request_.operations.size() > options_.operations_max) {
    answer_.AddError(sync_error::kTooLarge,
                     "operations: more than " + std::to_string(options_.operations_max));
    return Read();
  }
  std::vector<wire::Op> accepted;
  for (size_t i = 0; i < request_.operations.size(); ++i) {
    int64_t code = 0;
    std::string reason = RefusalOf(i, &code);
    if (reason.empty()) {
      wire::Op& op = accepted.emplace_back(request_.operations[i]);
      op.write_concern.reset();
      op.timeout_ms.reset();
      written_.push_back(i);
    } else if (answer_.response().errors.size() < kReasonsMax) {
      answer_.AddError(code, std::move(reason), IdOf(request_.operations[i]));
    }
  }
  if (accepted.empty()) return OnWritten({});
  // Nobody is left out of the news: there is no connection that knows them already.
  services_.writes.Write(accepted, {},
                         [weak = weak_from_this()](std::span<const OpOutcome> outcomes) {
                           if (const auto self = weak.lock()) self->OnWritten(outcomes);
                         });
}

std::string SyncExchange::RefusalOf(size_t index, int64_t* code) const {
  const wire::Op& op = request_.operations[index];
  std::string reason = wire::ValidateOp(op, options_.op_limits);
  if (!reason.empty()) {
    *code = sync_error::kBadRequest;
    // The decoder has already said where.
    const bool one_of_many = op.error.empty() && request_.operations.size() > 1;
    return one_of_many ? "ops[" + std::to_string(index) + "]." + reason : reason;
  }
  if (MayWrite(op) == Decision::kAllow) return {};
  *code = sync_error::kForbidden;
  return "write access denied for map: " + std::string(op.map);
}

void SyncExchange::OnWritten(std::span<const OpOutcome> outcomes) {
  if (phase_ != Phase::kWriting) return;
  bool overloaded = false;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == OpOutcome::kOverloaded) overloaded = true;
    if (outcomes[i] == OpOutcome::kRejected && answer_.response().errors.size() < kReasonsMax) {
      answer_.AddError(sync_error::kConflict, "operation rejected: older than what is kept",
                       IdOf(request_.operations[written_[i]]));
    }
  }
  if (overloaded) answer_.AddError(sync_error::kTooMany, std::string(sync_error::kOverloaded));
  if (answer_.response().errors.empty() && !request_.operations.empty()) Acknowledge();
  Read();
}

// The id of the last operation stands for all: every one has been applied.
void SyncExchange::Acknowledge() {
  wire::OpAckFrame ack{.last_id = "unknown", .achieved_level = {}, .results = {}};
  for (const wire::Op& op : request_.operations) {
    if (op.has_id) ack.last_id = op.id;
    if (op.has_id && op.write_concern > wire::WriteConcern::kApplied) {
      ack.results.push_back({.op_id = op.id,
                             .success = false,
                             .achieved_level = wire::WriteConcern::kApplied,
                             .error = "not waited for over HTTP"});
    }
  }
  answer_.response().ack = std::move(ack);
}

// ---- Reads, and the end ----

void SyncExchange::Read() {
  const Tracer::Scope scope(services_.tracer, question_);  // writes may have been waited for
  phase_ = Phase::kReading;
  reads_ = std::make_shared<SyncReads>(options_, services_, gate_, principal_, request_, answer_);
  reads_->Begin([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Finish();
  });
}

void SyncExchange::Finish() {
  phase_ = Phase::kDone;
  if (reads_) reads_->End();
  const crdt::Timestamp now = hlc_.Tick();
  answer_.response().server_hlc = now.view();
  std::string body;
  wire::EncodeSyncResponse(answer_.response(), body);
  respond_(MessagePack(std::move(body)));
}

}  // namespace topgun::gateway
