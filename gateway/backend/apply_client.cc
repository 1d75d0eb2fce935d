#include "backend/apply_client.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "logging/logging.h"

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;

// Empty when it is not traced.
std::string TraceIdOf(const Part* part) {
  if (part == nullptr || part->traced() == nullptr) return {};
  return tracing::TraceIdText(part->traced()->context);
}

}  // namespace

ApplyClient::ReplicaStream::ReplicaStream(ApplyClient& client, Replica& replica)
    : client_(client), replica_(replica) {
  stream_ = Stream::Open(client.io_, client.active_streams_, *this,
                         [&replica](auto* context, auto* reactor) {
                           replica.stub().async()->Apply(context, reactor);
                         });
}

ApplyClient::ReplicaStream::~ReplicaStream() { Cancel(); }

void ApplyClient::ReplicaStream::Cancel() {
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Cancel(outgoing_);
}

void ApplyClient::ReplicaStream::Outgoing::Add(PartPtr part) {
  request.mutable_parts()->UnsafeArenaAddAllocated(&part->message());
  parts.push_back(std::move(part));
}

void ApplyClient::ReplicaStream::Outgoing::Clear() {
  while (request.parts_size() > 0) request.mutable_parts()->UnsafeArenaReleaseLast();
  parts.clear();
}

void ApplyClient::ReplicaStream::Flush(Time now) {
  if (writing_ || stream_ == nullptr) return;
  size_t bytes = 0;
  for (ShardLane& lane : client_.lanes_) {
    if (lane.replica() != &replica_) continue;
    while (bytes < kRequestBytesMax) {
      PartPtr part = lane.TakeNext(now);
      if (part == nullptr) break;
      bytes += part->bytes();
      const std::chrono::duration<double> waited = now - part->started();
      client_.probe_.PartSent(part->refs().size(), waited.count());
      part->sent_at = now;
      outgoing_->Add(std::move(part));
    }
  }
  if (outgoing_->parts.empty()) return;
  writing_ = true;
  stream_->Write(&outgoing_->request);
}

void ApplyClient::ReplicaStream::OnWritten() {
  const Time now = steady_clock::now();
  for (const PartPtr& part : outgoing_->parts) part->taken_at = now;
  writing_ = false;
  outgoing_->Clear();
  Flush(now);
}

void ApplyClient::ReplicaStream::OnReply(const sync::v1::ApplyReply& reply) {
  for (const uint64_t part_id : reply.accepted()) {
    if (ShardLane* const lane = client_.LaneOf(part_id)) lane->OnAccepted(part_id);
  }
  const Time now = steady_clock::now();
  for (const sync::v1::PartResult& result : reply.results()) {
    if (const ShardLane* const lane = client_.LaneOf(result.part_id())) {
      client_.Observe(*lane, replica_, result, stream_->arrived(), now);
    }
    client_.OnResult(replica_, result);
  }
  client_.ScheduleFlush();  // of all streams: a lane may have moved with its last result
  stream_->ReadNext();
}

void ApplyClient::ReplicaStream::OnEnded(const Status& status) {
  stream_.reset();
  client_.OnStreamEnded(replica_, status);  // destroys this object
}

ApplyClient::ApplyClient(boost::asio::io_context& io, size_t& active_streams, uint32_t shard_count,
                         size_t inflight_bytes_max, ReplicaSet& replicas, WriteObserver& observer,
                         Probe& probe)
    : io_(io),
      active_streams_(active_streams),
      replicas_(replicas),
      probe_(probe),
      budget_(inflight_bytes_max, probe) {
  lanes_.reserve(shard_count);
  for (uint32_t shard = 0; shard < shard_count; ++shard) {
    lanes_.emplace_back(shard, budget_, observer);
  }
  replicas_.Observe(*this);
}

void ApplyClient::Submit(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
                         const OpRef& ref) {
  const uint32_t shard = state::ShardOf(op.key, static_cast<uint32_t>(lanes_.size()));
  lanes_[shard].Append(op, concern, origin, ref);
  ScheduleFlush();
}

void ApplyClient::SubmitDeadTag(uint32_t shard, std::string_view map, std::string_view tag,
                                const OpRef& ref) {
  lanes_[shard].AppendDeadTag(map, tag, ref);
  ScheduleFlush();
}

void ApplyClient::SubmitCounted(std::string_view counter, const CountedNode& counted,
                                const OpRef& ref) {
  const uint32_t shard = state::ShardOf(counter, static_cast<uint32_t>(lanes_.size()));
  lanes_[shard].AppendCounted(counter, counted, ref);
  ScheduleFlush();
}

void ApplyClient::Follow(const OpRef& first, Tracer::Frame& frame) {
  for (ShardLane& lane : lanes_) lane.Follow(first, probe_.tracer(), frame);
}

// In a turn of its own, so that everything this turn has read leaves together.
void ApplyClient::ScheduleFlush() {
  if (flush_scheduled_ || closed_) return;
  flush_scheduled_ = true;
  boost::asio::post(io_, [this] {
    flush_scheduled_ = false;
    FlushAll();
  });
}

void ApplyClient::FlushAll() {
  const Time now = steady_clock::now();
  for (const auto& [replica, stream] : streams_) stream->Flush(now);
}

void ApplyClient::OnReplicasChanged() {
  if (closed_) return;
  for (const auto& replica : replicas_.all()) {
    if (!replica->up() || streams_.contains(replica.get())) continue;
    streams_.emplace(replica.get(), std::make_unique<ReplicaStream>(*this, *replica));
  }
  const Time now = steady_clock::now();
  for (uint32_t shard = 0; shard < lanes_.size(); ++shard) {
    Replica* const replica = replicas_.PickForShard(shard);
    // With nobody up a lane stays where it is: its stream may well be alive.
    if (replica != nullptr) lanes_[shard].MoveTo(replica, now);
  }
  ScheduleFlush();
}

bool ApplyClient::Uses(const Replica& replica) const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [&](const ShardLane& lane) { return lane.Uses(&replica); });
}

void ApplyClient::OnStreamEnded(Replica& replica, const Status& status) {
  logging::Warning("apply", "stream ended",
                   {{"replica", replica.address()}, {"reason", Message(status)}});
  replica.MarkFailed();
  streams_.erase(&replica);
  if (closed_) return;
  for (ShardLane& lane : lanes_) {
    if (lane.replica() != &replica) continue;
    for (size_t i = lane.Resend(); i > 0; --i) probe_.PartRetried();
  }
  OnReplicasChanged();
}

ShardLane* ApplyClient::LaneOf(uint64_t part_id) {
  const uint32_t shard = ShardOfPart(part_id);
  return shard < lanes_.size() ? &lanes_[shard] : nullptr;
}

void ApplyClient::OnResult(Replica& replica, const sync::v1::PartResult& result) {
  ShardLane* const found = LaneOf(result.part_id());
  if (found == nullptr) return;
  ShardLane& lane = *found;
  switch (static_cast<StatusCode>(result.code())) {
    case StatusCode::kOk:
      replica.MarkHealthy();
      exhausted_ = false;
      probe_backoff_ = kProbeBackoffMin;
      lane.OnCommitted(result.part_id(),
                       {.position = {result.position().incarnation(), result.position().n()},
                        .outcomes = result.outcomes(),
                        .replicated = result.replicated(),
                        .never_persisted = result.volatile_storage()});
      break;
    case StatusCode::kUnavailable:
      probe_.PartRetried();
      lane.OnUnavailable(result.part_id(), steady_clock::now());
      break;
    case StatusCode::kResourceExhausted:
      OnExhausted();
      lane.OnOverloaded(result.part_id(), steady_clock::now());
      break;
    default:
      // No retry will help; the clients are told and may come again.
      logging::Error("apply", "part refused",
                     {{"replica", replica.address()},
                      {"reason", result.message()},
                      {"trace_id", TraceIdOf(lane.InFlight(result.part_id()))}});
      OnExhausted();
      lane.OnRefused(result.part_id());
      break;
  }
}

void ApplyClient::Observe(const ShardLane& lane, const Replica& replica,
                          const sync::v1::PartResult& result, Time arrived, Time now) {
  const Part* const part = lane.InFlight(result.part_id());
  if (part == nullptr) return;
  const std::chrono::duration<double> took = now - part->sent_at;
  probe_.PartAnswered(took.count());
  if (part->trace() == 0) return;
  probe_.tracer().PartAnswered({.trace = part->trace(),
                                .started = part->started(),
                                .sent = part->sent_at,
                                .written = part->taken_at,
                                .arrived = arrived,
                                .shard = part->shard(),
                                .ops = part->refs().size(),
                                .bytes = part->bytes(),
                                .incarnation = result.position().incarnation(),
                                .n = result.position().n(),
                                .code = result.code(),
                                .replica = replica.address(),
                                .traced = part->traced()},
                               now);
}

void ApplyClient::OnExhausted() {
  const Time now = steady_clock::now();
  // Parts that were in flight together are refused together: that is one refusal.
  if (exhausted_ && now < probe_at_) return;
  exhausted_ = true;
  probe_at_ = now + probe_backoff_;
  probe_backoff_ = std::min(probe_backoff_ * 2, kProbeBackoffMax);
}

SinkHealth ApplyClient::Health() const {
  if (!budget_.Relaxed() || replicas_.up_count() == 0) return SinkHealth::kOverloaded;
  if (!exhausted_) return SinkHealth::kHealthy;
  return steady_clock::now() < probe_at_ ? SinkHealth::kOverloaded : SinkHealth::kSuspect;
}

void ApplyClient::OnIncarnation(uint32_t shard, uint64_t incarnation) {
  lanes_[shard].OnIncarnation(incarnation);
  ScheduleFlush();
}

void ApplyClient::OnPersisted(uint32_t shard, const state::Position& position) {
  lanes_[shard].OnPersisted(position);
  ScheduleFlush();
}

void ApplyClient::Tick(Time now) {
  budget_.Report();
  for (ShardLane& lane : lanes_) {
    for (size_t i = lane.Tick(now); i > 0; --i) probe_.PartRetried();
  }
  FlushAll();
}

bool ApplyClient::owes_commits() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const ShardLane& lane) { return lane.owes_commits(); });
}

void ApplyClient::Close() {
  closed_ = true;
  streams_.clear();
}

}  // namespace topgun::gateway
