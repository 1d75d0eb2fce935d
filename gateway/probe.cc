#include "probe.h"

#include <string>

namespace topgun::gateway {
namespace {

constexpr std::array<std::string_view, kDropReasonCount> kDropNames = {
    "text", "unauthenticated", "rate_limited", "overloaded", "unexpected", "policies_unknown"};
constexpr std::array<std::string_view, kOpFateCount> kFateNames = {
    "applied", "joined", "nothing", "refused", "rejected", "dropped"};
constexpr std::array<std::string_view, kAuthResultCount> kAuthNames = {"ok", "failed", "timeout",
                                                                       "no_auth"};
constexpr std::array<std::string_view, kDeviceResultCount> kDeviceNames = {"known", "minted",
                                                                           "failed", "refused"};

prometheus::Counter& ErrorCounter(metrics::Registry& registry, std::string code) {
  return registry.AddCounter("gateway_errors_total", "ERROR frames sent, by code.",
                             {{"code", std::move(code)}});
}

prometheus::Counter& SnapshotCounter(metrics::Registry& registry, std::string result) {
  return registry.AddCounter("gateway_snapshots_total", "Map snapshots read, by result.",
                             {{"result", std::move(result)}});
}

prometheus::Counter& TimeoutCounter(metrics::Registry& registry, std::string state) {
  return registry.AddCounter("gateway_op_timeouts_total",
                             "Operations whose timeout passed before their write concern was met, "
                             "by how far they were.",
                             {{"state", std::move(state)}});
}

prometheus::Gauge& NodeGauge(metrics::Registry& registry, std::string health) {
  return registry.AddGauge("gateway_cluster_nodes",
                           "Gateways of the cluster, with membership; by health.",
                           {{"health", std::move(health)}});
}

prometheus::Counter& BeatCounter(metrics::Registry& registry, std::string result) {
  return registry.AddCounter("gateway_beats_total",
                             "Signs of life written for the other gateways, by result.",
                             {{"result", std::move(result)}});
}

}  // namespace

Probe::Probe(metrics::Registry& registry, size_t loop, hops::Recorder* recorder,
             tracing::Recorder* spans)
    : connections_(registry.AddGauge("gateway_connections", "Open WebSocket connections.")),
      connections_total_(
          registry.AddCounter("gateway_connections_total", "WebSocket connections accepted.")),
      http_connections_(
          registry.AddGauge("gateway_http_connections", "Open connections that are no WebSocket.")),
      drain_left_(registry.AddGauge("gateway_drain_connections_remaining",
                                    "Connections that a drain has not closed yet; 0 when there is "
                                    "none.")),
      drain_seconds_(registry.AddGauge("gateway_drain_seconds",
                                       "How long the drain has been going on, or took; 0: there "
                                       "was none.")),
      upgrades_refused_(registry.AddCounter("gateway_upgrades_refused_total",
                                            "WebSocket upgrades that were refused or failed.")),
      slow_consumers_(registry.AddCounter("gateway_slow_consumer_closed_total",
                                          "Connections closed because they read too slowly.")),
      detached_waiting_(registry.AddGauge("gateway_detached_ops_waiting",
                                          "Operations beside those of connections that wait for "
                                          "their outcome.")),
      errors_400_(ErrorCounter(registry, "400")),
      errors_403_(ErrorCounter(registry, "403")),
      errors_409_(ErrorCounter(registry, "409")),
      errors_413_(ErrorCounter(registry, "413")),
      errors_429_(ErrorCounter(registry, "429")),
      errors_500_(ErrorCounter(registry, "500")),
      errors_501_(ErrorCounter(registry, "501")),
      errors_503_(ErrorCounter(registry, "503")),
      errors_504_(ErrorCounter(registry, "504")),
      policies_(registry.AddGauge("gateway_policies", "Map policies in force.")),
      policy_rules_(registry.AddCounter(
          "gateway_policy_rules_total",
          "Times the policies about a map were looked for, because they were not remembered.")),
      access_denied_(registry.AddCounter("gateway_access_denied_total",
                                         "Reads and writes that the map policies denied.")),
      frames_held_(registry.AddGauge("gateway_frames_held",
                                     "Frames that wait until the map policies are read.")),
      acks_(registry.AddCounter("gateway_acks_total", "OP_ACK frames sent.")),
      timeouts_applied_(TimeoutCounter(registry, "applied")),
      timeouts_unapplied_(TimeoutCounter(registry, "unapplied")),
      revivals_(registry.AddCounter("gateway_revivals_total",
                                    "AUTH_ACK frames repeated to make a client send again.")),
      outbound_bytes_(
          registry.AddGauge("gateway_outbound_bytes", "Bytes queued for slow connections.")),
      inflight_bytes_(registry.AddGauge("gateway_inflight_bytes",
                                        "Bytes of writes kept until their ack has left.")),
      coalesced_(registry.AddCounter("gateway_pushes_coalesced_total",
                                     "Pushes that replaced an older queued one.")),
      part_ops_(registry.AddHistogram("gateway_part_ops", "Operations per part sent to a shard.",
                                      metrics::kBatchSizes, {{"loop", std::to_string(loop)}})),
      lane_wait_seconds_(registry.AddHistogram(
          "gateway_lane_wait_seconds", "From the first operation of a part to its sending.",
          metrics::kLatencySeconds, {{"loop", std::to_string(loop)}})),
      part_seconds_(
          registry.AddHistogram("gateway_part_seconds", "From sending a part to its result.",
                                metrics::kLatencySeconds, {{"loop", std::to_string(loop)}})),
      loop_lag_seconds_(registry.AddHistogram(
          "gateway_loop_lag_seconds", "How late a timer of the loop came, ten times a second.",
          metrics::kLatencySeconds, {{"loop", std::to_string(loop)}})),
      parts_retried_(registry.AddCounter("gateway_parts_retried_total",
                                         "Parts sent again after a failure or a move.")),
      subscriptions_(registry.AddGauge("gateway_subscriptions", "Live queries held.")),
      events_(registry.AddCounter("gateway_events_total", "Changes received from watch streams.")),
      pushes_(registry.AddCounter("gateway_pushes_total",
                                  "SERVER_EVENT and QUERY_UPDATE frames queued for clients.")),
      expiring_rows_(registry.AddGauge("gateway_expiring_rows",
                                       "Rows of live queries that wait for the end of their TTL.")),
      expired_rows_(registry.AddCounter("gateway_expired_rows_total",
                                        "Rows that left live queries because their TTL passed.")),
      expiry_overflows_(registry.AddCounter(
          "gateway_expiry_overflows_total",
          "Maps read again because a row expired that was beyond the limit of expiring rows.")),
      restamps_told_(registry.AddCounter(
          "gateway_restamps_told_total",
          "Writers told the new timestamp of a write that the cluster stamped anew.")),
      restamps_dropped_(registry.AddCounter(
          "gateway_restamps_dropped_total",
          "Connections closed because too many writers waited for new timestamps.")),
      echoes_(registry.AddCounter("gateway_echoes_total",
                                  "SERVER_EVENT frames that told a writer of its own change.")),
      watch_gaps_(registry.AddCounter("gateway_watch_gaps_total",
                                      "Gaps in a watch stream, healed by snapshots and roots.")),
      heals_(registry.AddCounter("gateway_heals_total",
                                 "Roots sent to clients without being asked, after a gap.")),
      tree_reads_(registry.AddCounter("gateway_tree_reads_total",
                                      "Reads of Merkle trees; one serves many requests.")),
      tree_paths_(
          registry.AddCounter("gateway_tree_paths_total", "Nodes of Merkle trees that were read.")),
      sync_resets_(registry.AddCounter(
          "gateway_sync_resets_total",
          "Clients told to start a map anew, because removals since their last sync are pruned.")),
      push_entries_(registry.AddCounter("gateway_push_diff_entries_total",
                                        "Keys received in ORMAP_PUSH_DIFF.")),
      push_invalid_(registry.AddCounter("gateway_push_diff_invalid_records_total",
                                        "Records of ORMAP_PUSH_DIFF left out as invalid.")),
      push_given_up_(registry.AddCounter(
          "gateway_push_diff_given_up_total",
          "ORMAP_PUSH_DIFFs not merged completely; the client is sent the root and pushes again.")),
      tag_removals_(registry.AddGauge("gateway_tag_removals",
                                      "Lists of tombstones whose tags are being looked for.")),
      tag_removal_retries_(registry.AddCounter(
          "gateway_tag_removal_retries_total",
          "Questions and writes about tombstones that failed and were tried again.")),
      dead_tags_(registry.AddCounter("gateway_dead_tags_total",
                                     "Tags declared dead because nobody knew their key.")),
      snapshots_ok_(SnapshotCounter(registry, "ok")),
      snapshots_failed_(SnapshotCounter(registry, "failed")),
      replicas_up_(registry.AddGauge("gateway_sync_replicas_up",
                                     "Connected sync replicas, summed over the loops.")),
      replicas_leaving_(registry.AddGauge(
          "gateway_sync_replicas_leaving",
          "Sync replicas that are not known any more and still have something in flight, summed "
          "over the loops.")),
      nodes_healthy_(NodeGauge(registry, "healthy")),
      nodes_suspect_(NodeGauge(registry, "suspect")),
      beats_ok_(BeatCounter(registry, "ok")),
      beats_failed_(BeatCounter(registry, "failed")),
      condemned_(registry.AddCounter("gateway_nodes_condemned_total",
                                     "Silent gateways that this one took out of the cluster.")),
      tracer_(recorder, spans),
      locks_(registry, loop) {
  for (size_t i = 0; i < kCloseCauseCount; ++i) {
    closes_[i] = &registry.AddCounter("gateway_closes_total", "Connections ended, by reason.",
                                      {{"reason", std::string(Name(static_cast<CloseCause>(i)))}});
  }
  for (size_t i = 0; i < wire::kFrameTypeCount; ++i) {
    const auto type = static_cast<wire::FrameType>(i);
    if (!wire::IsClientFrame(type)) continue;
    frames_[i] = &registry.AddCounter("gateway_frames_total", "Frames received, by type.",
                                      {{"type", std::string(wire::Name(type))}});
  }
  for (size_t i = 0; i < kLevelCount; ++i) {
    const std::string level(wire::Name(static_cast<wire::WriteConcern>(i)));
    ack_seconds_[i] = &registry.AddHistogram(
        "gateway_ack_seconds",
        "From receiving a frame of writes to its OP_ACK, by the level that its ops have reached.",
        metrics::kLatencySeconds, {{"loop", std::to_string(loop)}, {"level", level}});
    acked_ops_[i] = &registry.AddCounter(
        "gateway_acked_ops_total", "Operations acknowledged, by the level reached until then.",
        {{"level", level}});
    waiting_ops_[i] = &registry.AddGauge("gateway_waiting_ops",
                                         "Operations that wait for their write concern, by level.",
                                         {{"level", level}});
  }
  const auto add_drop = [&registry](std::string_view reason) {
    return &registry.AddCounter("gateway_frames_dropped_total",
                                "Frames dropped without being handled, by reason.",
                                {{"reason", std::string(reason)}});
  };
  for (size_t i = 0; i < drops_.size(); ++i) drops_[i] = add_drop(kDropNames[i]);
  for (size_t i = 1; i < decode_drops_.size(); ++i) {
    decode_drops_[i] = add_drop(wire::Name(static_cast<wire::DecodeError>(i)));
  }
  for (size_t i = 0; i < ops_.size(); ++i) {
    ops_[i] = &registry.AddCounter("gateway_ops_total", "Operations received, by outcome.",
                                   {{"outcome", std::string(kFateNames[i])}});
  }
  for (const OpFate fate : {OpFate::kApplied, OpFate::kRejected, OpFate::kDropped}) {
    const auto at = static_cast<size_t>(fate);
    detached_ops_[at] = &registry.AddCounter(
        "gateway_detached_ops_total",
        "Operations beside those of connections (HTTP, diffs, records of the cluster), by outcome.",
        {{"outcome", std::string(kFateNames[at])}});
  }
  for (size_t i = 0; i < auth_.size(); ++i) {
    auth_[i] = &registry.AddCounter("gateway_auth_total", "Authentications, by result.",
                                    {{"result", std::string(kAuthNames[i])}});
  }
  for (size_t i = 0; i < devices_.size(); ++i) {
    devices_[i] = &registry.AddCounter("gateway_device_identities_total",
                                       "Answers to the question who a device is, by result.",
                                       {{"result", std::string(kDeviceNames[i])}});
  }
}

uint64_t Probe::connections() const { return static_cast<uint64_t>(connections_.Value()); }

uint64_t Probe::operations() const {
  double sum = 0;
  for (const prometheus::Counter* const counter : ops_) sum += counter->Value();
  for (const prometheus::Counter* const counter : detached_ops_) {
    if (counter != nullptr) sum += counter->Value();
  }
  return static_cast<uint64_t>(sum);
}

void Probe::Opened() {
  connections_.Increment();
  connections_total_.Increment();
}

void Probe::Closed(CloseCause cause) {
  connections_.Decrement();
  closes_[static_cast<size_t>(cause)]->Increment();
  if (cause == CloseCause::kSlowConsumer) slow_consumers_.Increment();
}

void Probe::ErrorSent(int64_t code) {
  switch (code) {
    case 400:
      return errors_400_.Increment();
    case 403:
      return errors_403_.Increment();
    case 409:
      return errors_409_.Increment();
    case 413:
      return errors_413_.Increment();
    case 429:
      return errors_429_.Increment();
    case 501:
      return errors_501_.Increment();
    case 503:
      return errors_503_.Increment();
    case 504:
      return errors_504_.Increment();
    default:
      return errors_500_.Increment();
  }
}

void Probe::PartSent(size_t ops, double wait_seconds) {
  part_ops_.Observe(static_cast<double>(ops));
  lane_wait_seconds_.Observe(wait_seconds);
}

}  // namespace topgun::gateway
