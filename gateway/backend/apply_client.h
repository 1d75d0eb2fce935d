// Brings ops to the sync replicas: one lane per shard, one Apply stream per replica that is up.
//
// Parts of all shards of a replica that are ready in the same turn of the loop leave in one
// message. A part that was not answered when its stream ended is sent again to whichever replica
// is responsible then; parts are idempotent.
//
// Owned by the loop; one thread. After Close() it must live until its streams have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "backend/bidi_stream.h"
#include "backend/replica_set.h"
#include "backend/shard_lane.h"
#include "backend/shard_observer.h"
#include "dispatch/io.h"
#include "probe.h"

namespace topgun::gateway {

class ApplyClient final : public WriteSink, public ReplicaSet::Observer, public ShardObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `active_streams` counts what gRPC still knows of this loop.
  ApplyClient(boost::asio::io_context& io, size_t& active_streams, uint32_t shard_count,
              size_t inflight_bytes_max, ReplicaSet& replicas, WriteObserver& observer,
              Probe& probe);

  void Submit(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
              const OpRef& ref) override;
  void SubmitDeadTag(uint32_t shard, std::string_view map, std::string_view tag,
                     const OpRef& ref) override;
  void SubmitCounted(std::string_view counter, const CountedNode& counted,
                     const OpRef& ref) override;
  void Follow(const OpRef& first, Tracer::Frame& frame) override;
  uint32_t shard_count() const override { return static_cast<uint32_t>(lanes_.size()); }
  bool Overloaded() const override { return budget_.Exhausted(); }
  SinkHealth Health() const override;

  void OnReplicasChanged() override;
  bool Uses(const Replica& replica) const override;
  void OnReplicaRemoved(Replica& replica) override { streams_.erase(&replica); }
  void OnIncarnation(uint32_t shard, uint64_t incarnation) override;
  void OnPersisted(uint32_t shard, const state::Position& position) override;
  void Tick(Time now);
  void Close();

  // Some op was acknowledged early and is not committed yet.
  bool owes_commits() const;

  const std::vector<ShardLane>& lanes() const { return lanes_; }
  void set_inflight_bytes_max(size_t bytes) { budget_.set_bytes_max(bytes); }
  size_t inflight_bytes() const { return budget_.bytes(); }

 private:
  using Stream = BidiStream<sync::v1::ApplyRequest, sync::v1::ApplyReply>;

  // One replica's stream and the message being written to it.
  class ReplicaStream final : public Stream::Listener {
   public:
    ReplicaStream(ApplyClient& client, Replica& replica);
    ~ReplicaStream() override;

    // Sends what the replica's lanes have, unless a write is in flight.
    void Flush(Time now);
    void Cancel();

    void OnReply(const sync::v1::ApplyReply& reply) override;
    void OnWritten() override;
    void OnEnded(const Status& status) override;

   private:
    // Owns the message; the parts in it stay owned by their lanes.
    struct Outgoing {
      sync::v1::ApplyRequest request;
      std::vector<PartPtr> parts;
      ~Outgoing() { Clear(); }
      void Add(PartPtr part);
      void Clear();
    };

    ApplyClient& client_;
    Replica& replica_;
    std::shared_ptr<Outgoing> outgoing_ = std::make_shared<Outgoing>();
    std::shared_ptr<Stream> stream_;
    bool writing_ = false;
  };

  static constexpr size_t kRequestBytesMax = size_t{16} << 20;
  static constexpr std::chrono::milliseconds kProbeBackoffMin{100};
  static constexpr std::chrono::milliseconds kProbeBackoffMax{5'000};

  void ScheduleFlush();
  void FlushAll();
  ShardLane* LaneOf(uint64_t part_id);
  void OnResult(Replica& replica, const sync::v1::PartResult& result);
  // `arrived`: the message with the result; `now`: it is being handled.
  void Observe(const ShardLane& lane, const Replica& replica, const sync::v1::PartResult& result,
               Time arrived, Time now);
  void OnExhausted();
  void OnStreamEnded(Replica& replica, const Status& status);

  boost::asio::io_context& io_;
  size_t& active_streams_;
  ReplicaSet& replicas_;
  Probe& probe_;
  MemoryBudget budget_;
  std::vector<ShardLane> lanes_;
  std::unordered_map<Replica*, std::unique_ptr<ReplicaStream>> streams_;
  bool flush_scheduled_ = false;
  bool closed_ = false;
  bool exhausted_ = false;  // the last part that was decided on was refused
  std::chrono::milliseconds probe_backoff_ = kProbeBackoffMin;
  Time probe_at_;
};

}  // namespace topgun::gateway
