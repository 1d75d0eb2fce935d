// gateway: an OP_BATCH from the socket's bytes to the columns for the sync service, and from its
// result to the OP_ACK. Only Beast and gRPC are missing.
#include <memory>

#include "backend/part.h"
#include "backend/shard_lane.h"
#include "case.h"
#include "gateway_fakes.h"
#include "topgun/sync/v1/sync.pb.h"
#include "workload.h"

namespace topgun::micro {
namespace {

using gateway::ShardLane;

constexpr uint32_t kShards = 4;
constexpr char kApplied = 1;  // crdt.v1.OUTCOME_APPLIED

// Stands for a client.
class CountingSession final : public gateway::Session {
 public:
  const gateway::UpgradeRequest& request() const override { return upgrade_; }
  void Reply(std::string frame) override { bytes_ += frame.size(); }
  void Urgent(std::string frame) override { bytes_ += frame.size(); }
  bool Push(gateway::PushFrame /*push*/) override { return true; }
  void Close(gateway::CloseCause /*cause*/) override {}
  size_t queued_bytes() const override { return 0; }
  gateway::Backlog backlog() const override { return gateway::Backlog::kNone; }
  void Trim() override {}
  void SetMessageBytesMax(uint64_t /*bytes*/) override {}
  void PauseReading(bool /*paused*/) override {}

  size_t bytes() const { return bytes_; }

 private:
  gateway::UpgradeRequest upgrade_;
  size_t bytes_ = 0;
};

// The lanes of all shards; parts are answered instead of sent.
class Lanes final : public gateway::WriteSink {
 public:
  Lanes(gateway::WriteObserver& observer, gateway::Probe& probe) : budget_(size_t{1} << 30, probe) {
    for (uint32_t shard = 0; shard < kShards; ++shard)
      lanes_.emplace_back(shard, budget_, observer);
  }

  void Submit(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
              const gateway::OpRef& ref) override {
    lanes_[state::ShardOf(op.key, kShards)].Append(op, concern, origin, ref);
  }
  void SubmitDeadTag(uint32_t shard, std::string_view map, std::string_view tag,
                     const gateway::OpRef& ref) override {
    lanes_[shard].AppendDeadTag(map, tag, ref);
  }
  void SubmitCounted(std::string_view counter, const gateway::CountedNode& counted,
                     const gateway::OpRef& ref) override {
    lanes_[state::ShardOf(counter, kShards)].AppendCounted(counter, counted, ref);
  }
  uint32_t shard_count() const override { return kShards; }
  bool Overloaded() const override { return budget_.Exhausted(); }
  gateway::SinkHealth Health() const override { return gateway::SinkHealth::kHealthy; }

  void Answer() {
    ++position_;
    for (ShardLane& lane : lanes_) {
      while (const gateway::PartPtr part = lane.TakeNext(now_)) {
        Keep(&part->message());  // what would be sent
        outcomes_.assign(part->refs().size(), kApplied);
        lane.OnCommitted(part->id(), {.position = {1, position_}, .outcomes = outcomes_});
      }
    }
  }

 private:
  gateway::MemoryBudget budget_;
  std::deque<ShardLane> lanes_;
  const ShardLane::Time now_ = std::chrono::steady_clock::now();
  uint64_t position_ = 0;
  std::string outcomes_;
};

gateway::DispatchOptions NoRateLimit() {
  gateway::DispatchOptions options;
  options.ops_per_second = 1e15;
  options.ops_burst = 1e15;
  return options;
}

// One connection of a gateway loop.
class Loop {
 public:
  Loop() {
    harness_.gate.Bind(context_);
    harness_.table.Bind(context_);
    connection_ = &harness_.table.OnOpen(session_);
  }

  void Handle(std::string_view frame) { connection_->OnMessage(frame, true); }
  void Answer() { lanes_.Answer(); }
  size_t bytes() const { return session_.bytes(); }

 private:
  // The harness' own context, but for the sink.
  gateway::LoopContext WithLanes() {
    const gateway::LoopContext& base = harness_.context;
    return {.options = base.options,
            .verifier = nullptr,
            .access = base.access,
            .gate = base.gate,
            .sink = lanes_,
            .detached = base.detached,
            .cells = base.cells,
            .maps = base.maps,
            .fan_out = base.fan_out,
            .query_rows = base.query_rows,
            .journal = base.journal,
            .locks = base.locks,
            .system_maps = base.system_maps,
            .system_store = base.system_store,
            .policy_store = base.policy_store,
            .map_sync = base.map_sync,
            .topics = base.topics,
            .or_push = base.or_push,
            .counters = base.counters,
            .searches = base.searches,
            .devices = base.devices,
            .stamp_echo = base.stamp_echo,
            .table = base.table,
            .cluster = base.cluster,
            .membership = base.membership,
            .probe = base.probe,
            .clock = base.clock,
            .frame = {},
            .now = {}};
  }

  gateway::DispatchHarness harness_{false, NoRateLimit()};
  Lanes lanes_{harness_.written, harness_.probe};
  gateway::LoopContext context_ = WithLanes();
  CountingSession session_;
  gateway::SessionHandler* connection_ = nullptr;
};

Case::Call FrameToAck(wire::OpKind kind) {
  return [loop = std::make_shared<Loop>(), frame = Ops(kind, kOpsPerFrame).Frame()] {
    loop->Handle(frame);
    loop->Answer();
    Keep(loop->bytes());
  };
}

// A client that sends all it has unacknowledged with every frame.
Case::Call SentAgain() {
  return [loop = std::make_shared<Loop>(), frame = Ops(wire::OpKind::kPut, kOpsPerFrame).Frame()] {
    loop->Handle(frame);
    for (int i = 0; i < 4; ++i) loop->Handle(frame);
    loop->Answer();
    Keep(loop->bytes());
  };
}

struct PartState {
  metrics::Registry registry;
  gateway::Probe probe{registry, 0};
  gateway::MemoryBudget budget{size_t{1} << 30, probe};
  Ops ops{wire::OpKind::kPut, kOpsPerFrame};

  std::unique_ptr<gateway::Part> Make() {
    auto part = std::make_unique<gateway::Part>(1, 0, budget);
    for (const wire::Op& op : ops.ops()) {
      part->Append(op, wire::WriteConcern::kApplied, "0123456789abcdef", {});
    }
    return part;
  }
};

Case::Call AppendToPart() {
  return [state = std::make_shared<PartState>()] { Keep(&state->Make()->message()); };
}

Case::Call SerializePart() {
  auto state = std::make_shared<PartState>();
  return
      [state, part = std::shared_ptr<gateway::Part>(state->Make()), out = std::string()]() mutable {
        out.clear();
        Keep(part->message().AppendToString(&out));
      };
}

}  // namespace

void AddGatewayCases(std::vector<Case>& cases) {
  cases.push_back({.name = "gateway/put_frame_to_ack", .items = kOpsPerFrame, .prepare = [] {
                     return FrameToAck(wire::OpKind::kPut);
                   }});
  cases.push_back({.name = "gateway/or_add_frame_to_ack", .items = kOpsPerFrame, .prepare = [] {
                     return FrameToAck(wire::OpKind::kOrAdd);
                   }});
  cases.push_back(
      {.name = "gateway/resent_frames", .items = 5 * kOpsPerFrame, .prepare = SentAgain});
  cases.push_back(
      {.name = "gateway/append_to_part", .items = kOpsPerFrame, .prepare = AppendToPart});
  cases.push_back(
      {.name = "gateway/serialize_part", .items = kOpsPerFrame, .prepare = SerializePart});
}

}  // namespace topgun::micro
