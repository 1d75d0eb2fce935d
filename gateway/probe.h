// Every metric of the gateway, behind verbs. One probe per loop: counters and gauges are shared
// (one atomic operation each), histograms carry the loop as a label because observing takes their
// mutex.
//
// Owned by the app and outlived by the registry. Any thread may count; only the loop observes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "hops/recorder.h"
#include "lock_probe.h"
#include "metrics/registry.h"
#include "tracer.h"
#include "wire/client_frame.h"
#include "wire/frame_type.h"
#include "wire/op.h"
#include "ws/session.h"

namespace topgun::gateway {

// Why an inbound frame was dropped beside wire::DecodeError.
enum class DropReason : uint8_t {
  kText,
  kUnauthenticated,
  kRateLimited,
  kOverloaded,
  kUnexpected,
  kPoliciesUnknown
};
inline constexpr size_t kDropReasonCount =
    size_t{1} + static_cast<size_t>(DropReason::kPoliciesUnknown);

enum class OpFate : uint8_t { kApplied, kJoined, kNothing, kRefused, kRejected, kDropped };
inline constexpr size_t kOpFateCount = size_t{1} + static_cast<size_t>(OpFate::kDropped);

enum class AuthResult : uint8_t { kOk, kFailed, kTimeout, kNoAuth };
inline constexpr size_t kAuthResultCount = size_t{1} + static_cast<size_t>(AuthResult::kNoAuth);

// What became of the question who a device is; kRefused: too many wait.
enum class DeviceResult : uint8_t { kKnown, kMinted, kFailed, kRefused };
inline constexpr size_t kDeviceResultCount =
    size_t{1} + static_cast<size_t>(DeviceResult::kRefused);

class Probe {
 public:
  // `recorder` keeps what is followed, `spans` exports what is traced; null: nothing is.
  Probe(metrics::Registry& registry, size_t loop, hops::Recorder* recorder = nullptr,
        tracing::Recorder* spans = nullptr);

  Tracer& tracer() { return tracer_; }
  LockProbe& locks() { return locks_; }

  void Opened();
  void Closed(CloseCause cause);
  void HttpOpened() { http_connections_.Increment(); }
  void HttpClosed() { http_connections_.Decrement(); }
  // Connections that a drain has not closed yet.
  void DrainLeft(int64_t delta) {
    if (delta != 0) drain_left_.Increment(static_cast<double>(delta));
  }
  void DrainSeconds(double seconds) { drain_seconds_.Set(seconds); }
  void UpgradeRefused() { upgrades_refused_.Increment(); }

  void FrameReceived(wire::FrameType type) { frames_[static_cast<size_t>(type)]->Increment(); }
  void FrameDropped(DropReason reason) { drops_[static_cast<size_t>(reason)]->Increment(); }
  void FrameDropped(wire::DecodeError error) {
    decode_drops_[static_cast<size_t>(error)]->Increment();
  }
  void Ops(OpFate fate, size_t count) {
    if (count > 0) ops_[static_cast<size_t>(fate)]->Increment(static_cast<double>(count));
  }
  void Authenticated(AuthResult result) { auth_[static_cast<size_t>(result)]->Increment(); }
  void Device(DeviceResult result) { devices_[static_cast<size_t>(result)]->Increment(); }
  // Ops beside those of connections.
  void DetachedWaiting(int64_t delta) { detached_waiting_.Increment(static_cast<double>(delta)); }
  void DetachedDone(OpFate fate) { detached_ops_[static_cast<size_t>(fate)]->Increment(); }
  void ErrorSent(int64_t code);
  void Policies(size_t count) { policies_.Set(static_cast<double>(count)); }
  void PolicyRulesMade(size_t count) { policy_rules_.Increment(static_cast<double>(count)); }
  void FramesHeld(int delta) { frames_held_.Increment(delta); }
  void AccessDenied() { access_denied_.Increment(); }
  void AckSent() { acks_.Increment(); }
  // The ack of a frame, by what its ops have all reached.
  void Acked(wire::WriteConcern level, double seconds) {
    ack_seconds_[static_cast<size_t>(level)]->Observe(seconds);
  }
  void OpsAcked(wire::WriteConcern level, size_t count) {
    if (count > 0) acked_ops_[static_cast<size_t>(level)]->Increment(static_cast<double>(count));
  }
  void OpsWaiting(wire::WriteConcern level, int64_t delta) {
    if (delta != 0) waiting_ops_[static_cast<size_t>(level)]->Increment(static_cast<double>(delta));
  }
  void OpsTimedOut(size_t applied, size_t unapplied) {
    if (applied > 0) timeouts_applied_.Increment(static_cast<double>(applied));
    if (unapplied > 0) timeouts_unapplied_.Increment(static_cast<double>(unapplied));
  }
  void Revived() { revivals_.Increment(); }

  void OutboundBytes(int64_t delta) { outbound_bytes_.Increment(static_cast<double>(delta)); }
  void InflightBytes(int64_t delta) { inflight_bytes_.Increment(static_cast<double>(delta)); }
  void Coalesced(uint64_t count) { coalesced_.Increment(static_cast<double>(count)); }

  void PartSent(size_t ops, double wait_seconds);
  void PartAnswered(double seconds) { part_seconds_.Observe(seconds); }
  // How late a timer of the loop came.
  void LoopLag(double seconds) { loop_lag_seconds_.Observe(seconds); }
  void PartRetried() { parts_retried_.Increment(); }
  void Subscriptions(int delta) { subscriptions_.Increment(delta); }
  void EventsReceived(size_t count) { events_.Increment(static_cast<double>(count)); }
  void PushSent() { pushes_.Increment(); }
  void Expiring(int64_t delta) {
    if (delta != 0) expiring_rows_.Increment(static_cast<double>(delta));
  }
  void RowExpired() { expired_rows_.Increment(); }
  void ExpiryOverflow() { expiry_overflows_.Increment(); }
  void RestampTold() { restamps_told_.Increment(); }
  void RestampDropped() { restamps_dropped_.Increment(); }
  void Echoed() { echoes_.Increment(); }
  void WatchGap() { watch_gaps_.Increment(); }
  void HealsSent(size_t count) { heals_.Increment(static_cast<double>(count)); }
  void TreeRead(size_t paths) {
    tree_reads_.Increment();
    tree_paths_.Increment(static_cast<double>(paths));
  }
  void SyncReset() { sync_resets_.Increment(); }
  void PushDiff(size_t entries, size_t invalid_records) {
    push_entries_.Increment(static_cast<double>(entries));
    push_invalid_.Increment(static_cast<double>(invalid_records));
  }
  void PushGivenUp() { push_given_up_.Increment(); }
  void TagRemovals(int delta) { tag_removals_.Increment(delta); }
  void TagRemovalRetried() { tag_removal_retries_.Increment(); }
  void TagsDeclaredDead(size_t count) { dead_tags_.Increment(static_cast<double>(count)); }
  void SnapshotRead(bool ok) { (ok ? snapshots_ok_ : snapshots_failed_).Increment(); }
  void ReplicaUp(int delta) { replicas_up_.Increment(delta); }
  void ReplicaLeaving(int delta) { replicas_leaving_.Increment(delta); }
  // The other gateways and this one, as its first loop sees them.
  void ClusterNodes(size_t healthy, size_t suspect) {
    nodes_healthy_.Set(static_cast<double>(healthy));
    nodes_suspect_.Set(static_cast<double>(suspect));
  }
  void Beat(bool ok) { (ok ? beats_ok_ : beats_failed_).Increment(); }
  void NodeCondemned() { condemned_.Increment(); }

  // Of the whole process; any thread.
  uint64_t connections() const;
  uint64_t operations() const;

 private:
  static constexpr size_t kLevelCount =
      size_t{1} + static_cast<size_t>(wire::WriteConcern::kPersisted);

  prometheus::Gauge& connections_;
  prometheus::Counter& connections_total_;
  prometheus::Gauge& http_connections_;
  prometheus::Gauge& drain_left_;
  prometheus::Gauge& drain_seconds_;
  prometheus::Counter& upgrades_refused_;
  std::array<prometheus::Counter*, kCloseCauseCount> closes_{};
  prometheus::Counter& slow_consumers_;
  std::array<prometheus::Counter*, wire::kFrameTypeCount> frames_{};
  std::array<prometheus::Counter*, kDropReasonCount> drops_{};
  std::array<prometheus::Counter*, size_t{1} + static_cast<size_t>(wire::DecodeError::kBadField)>
      decode_drops_{};
  std::array<prometheus::Counter*, kOpFateCount> ops_{};
  prometheus::Gauge& detached_waiting_;
  std::array<prometheus::Counter*, kOpFateCount> detached_ops_{};
  std::array<prometheus::Counter*, kAuthResultCount> auth_{};
  std::array<prometheus::Counter*, kDeviceResultCount> devices_{};
  prometheus::Counter& errors_400_;
  prometheus::Counter& errors_403_;
  prometheus::Counter& errors_409_;
  prometheus::Counter& errors_413_;
  prometheus::Counter& errors_429_;
  prometheus::Counter& errors_500_;
  prometheus::Counter& errors_501_;
  prometheus::Counter& errors_503_;
  prometheus::Counter& errors_504_;
  prometheus::Gauge& policies_;
  prometheus::Counter& policy_rules_;
  prometheus::Counter& access_denied_;
  prometheus::Gauge& frames_held_;
  prometheus::Counter& acks_;
  std::array<prometheus::Histogram*, kLevelCount> ack_seconds_{};
  std::array<prometheus::Counter*, kLevelCount> acked_ops_{};
  std::array<prometheus::Gauge*, kLevelCount> waiting_ops_{};
  prometheus::Counter& timeouts_applied_;
  prometheus::Counter& timeouts_unapplied_;
  prometheus::Counter& revivals_;
  prometheus::Gauge& outbound_bytes_;
  prometheus::Gauge& inflight_bytes_;
  prometheus::Counter& coalesced_;
  prometheus::Histogram& part_ops_;
  prometheus::Histogram& lane_wait_seconds_;
  prometheus::Histogram& part_seconds_;
  prometheus::Histogram& loop_lag_seconds_;
  prometheus::Counter& parts_retried_;
  prometheus::Gauge& subscriptions_;
  prometheus::Counter& events_;
  prometheus::Counter& pushes_;
  prometheus::Gauge& expiring_rows_;
  prometheus::Counter& expired_rows_;
  prometheus::Counter& expiry_overflows_;
  prometheus::Counter& restamps_told_;
  prometheus::Counter& restamps_dropped_;
  prometheus::Counter& echoes_;
  prometheus::Counter& watch_gaps_;
  prometheus::Counter& heals_;
  prometheus::Counter& tree_reads_;
  prometheus::Counter& tree_paths_;
  prometheus::Counter& sync_resets_;
  prometheus::Counter& push_entries_;
  prometheus::Counter& push_invalid_;
  prometheus::Counter& push_given_up_;
  prometheus::Gauge& tag_removals_;
  prometheus::Counter& tag_removal_retries_;
  prometheus::Counter& dead_tags_;
  prometheus::Counter& snapshots_ok_;
  prometheus::Counter& snapshots_failed_;
  prometheus::Gauge& replicas_up_;
  prometheus::Gauge& replicas_leaving_;
  prometheus::Gauge& nodes_healthy_;
  prometheus::Gauge& nodes_suspect_;
  prometheus::Counter& beats_ok_;
  prometheus::Counter& beats_failed_;
  prometheus::Counter& condemned_;
  Tracer tracer_;
  LockProbe locks_;
};

}  // namespace topgun::gateway
