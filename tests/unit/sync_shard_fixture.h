// Two replicas of a shard over one Redis in memory.
#pragma once

#include <gtest/gtest.h>

#include "domain/shard.h"
#include "support/manual_clock.h"
#include "sync_fakes.h"

namespace topgun::sync {

inline constexpr int64_t kNow = 1'700'000'000'000;

// One replica's view of the shared shard.
struct Replica {
  Replica(FakeRedis& redis, FakeOwner& owner, ManualScheduler& scheduler, Probe& probe,
          ShardLimits limits = {}, Replicas* replicas = nullptr)
      : store(redis, scheduler),
        clock("sync", wall),
        shard(0, limits, {store, owner, scheduler, clock, wall, probe, replicas}) {}

  support::ManualClock wall{kNow};
  FakeStore store;
  crdt::HybridLogicalClock clock;
  Shard shard;
};

struct Done {
  int calls = 0;
  WriteResult result;
};

class ShardTest : public testing::Test {
 protected:
  WritePart Part(std::string_view key, int64_t millis, std::string_view value, Done& done) {
    WritePart part;
    part.maps = {"m"};
    part.origins = {""};
    WriteOp op;
    op.key = key;
    op.timestamp = {millis, 0, "client"};
    op.value = value;
    part.ops = {op};
    part.bytes = 100;
    part.done = [&done](WriteResult result) {
      ++done.calls;
      done.result = std::move(result);
    };
    return part;
  }

  std::string Value(std::string_view key) {
    const std::string* cell = redis_.Find(state::CellKind::kLww, "m", std::string(key));
    state::CellView view;
    if (cell == nullptr || !state::DecodeCell(*cell, &view)) return "<absent>";
    return std::string(view.value);
  }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  FakeRedis redis_;
  FakeOwner owner_{redis_, scheduler_};
  Replica a_{redis_, owner_, scheduler_, probe_};
  Replica b_{redis_, owner_, scheduler_, probe_};
};

}  // namespace topgun::sync
