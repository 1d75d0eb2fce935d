// A cluster in memory: shards that two replicas work on, the reader's cut into two loops with a
// ViewRegistry each.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/shard.h"
#include "domain/view_registry.h"
#include "support/manual_clock.h"
#include "sync_fakes.h"

namespace topgun::sync {

class ViewCluster {
 public:
  static constexpr uint32_t kShards = 4;
  static constexpr size_t kLoops = 2;
  static constexpr int64_t kNow = 1'700'000'000'000;

  explicit ViewCluster(const ViewLimits& limits = {}) {
    std::vector<Shard*> of_loop[kLoops];
    for (uint32_t i = 0; i < kShards; ++i) {
      shards_.push_back(std::make_unique<OneShard>(i, *this));
      of_loop[i % kLoops].push_back(&shards_.back()->reader);
    }
    for (const auto& shards : of_loop) {
      loops_.push_back(std::make_unique<ViewRegistry>(shards, limits, scheduler_, wall_, probe_));
    }
    scheduler_.Advance(100);
  }

  // Another replica merges the op; the reader hears of it through the feed.
  Outcome Write(std::string_view map, WriteOp op) { return WriteTo(ShardOf(op.key), map, op); }
  Outcome WriteTo(uint32_t shard, std::string_view map, WriteOp op) {
    return Submit(shards_[shard]->writer, map, op);
  }
  Outcome WriteAtReader(std::string_view map, WriteOp op) {
    return Submit(shards_[ShardOf(op.key)]->reader, map, op);
  }

  // What the service would answer.
  StatusOr<TreePart> ReadTree(state::CellKind kind, std::string_view map, TreeQuery query) {
    const auto shared = std::make_shared<const TreeQuery>(std::move(query));
    auto parts = Gather<TreePart>([&](ViewRegistry& loop, Callback<TreePart> callback) {
      loop.ReadTree(kind, map, shared, std::move(callback));
    });
    if (!parts.ok()) return parts.status();
    return MergeTrees(*std::move(parts));
  }
  StatusOr<std::vector<std::vector<ResolvedTag>>> ResolveTags(std::string_view map,
                                                              std::vector<std::string> tags) {
    const auto shared = std::make_shared<const std::vector<std::string>>(std::move(tags));
    return Gather<std::vector<ResolvedTag>>(
        [&](ViewRegistry& loop, Callback<std::vector<ResolvedTag>> callback) {
          loop.ResolveTags(map, shared, std::move(callback));
        });
  }
  StatusOr<std::vector<Snapshot>> Read(std::string_view map, size_t rows_max) {
    return Gather<Snapshot>([&](ViewRegistry& loop, Callback<Snapshot> callback) {
      loop.Read(map, rows_max, std::move(callback));
    });
  }
  StatusOr<Snapshot> Select(std::string_view map, std::shared_ptr<const Selection> selection) {
    auto parts = Gather<Selected>([&](ViewRegistry& loop, Callback<Selected> callback) {
      loop.Select(
          map, selection, [] { return true; }, std::move(callback));
    });
    if (!parts.ok()) return parts.status();
    StatusOr<Snapshot> merged = Unavailable("no answer");
    loops_[0]->merges().Add(
        selection, *std::move(parts), [] { return true; },
        [&merged](StatusOr<Snapshot> snapshot) { merged = std::move(snapshot); });
    scheduler_.RunAll();
    return merged;
  }
  StatusOr<std::vector<FoundRecord>> Search(std::string_view map, MapSearch wanted) {
    const auto shared = std::make_shared<const MapSearch>(std::move(wanted));
    const auto still = [] { return true; };
    const auto counts = Gather<search::Statistics>([&](ViewRegistry& loop, auto callback) {
      loop.CountTerms(map, shared, still, std::move(callback));
    });
    if (!counts.ok()) return counts.status();
    search::Statistics whole;
    for (const search::Statistics& part : *counts) whole.Add(part);
    const auto parts = Gather<std::vector<FoundRecord>>([&](ViewRegistry& loop, auto callback) {
      loop.Search(map, shared, whole, still, std::move(callback));
    });
    if (!parts.ok()) return parts.status();
    std::vector<FoundRecord> found;
    for (const auto& part : *parts) found.insert(found.end(), part.begin(), part.end());
    std::sort(found.begin(), found.end(), IsBetter);
    return found;
  }
  StatusOr<std::vector<uint64_t>> Count(state::CellKind kind, std::string_view map) {
    return Gather<uint64_t>([&](ViewRegistry& loop, Callback<uint64_t> callback) {
      loop.Count(kind, map, std::move(callback));
    });
  }

  // Everything that the readers have of a counter; its shard answers.
  StatusOr<std::string> ReadCounter(std::string_view name) {
    StatusOr<std::string> state = Unavailable("no answer");
    const uint32_t shard = ShardOf(name);
    loops_[shard % kLoops]->counters().Read(
        reader(shard), name, [&state](StatusOr<std::string> read) { state = std::move(read); });
    scheduler_.Advance(5000);
    return state;
  }

  // What retention does to one cell.
  void Prune(state::CellKind kind, std::string_view map, std::string_view key,
             std::string_view tag) {
    FakeRedis& redis = RedisOf(key);
    auto& cells = redis.cells[state::MapId(kind, map)];
    const std::string field = state::CellField(kind, key, tag);
    state::FeedEntryBuilder builder;
    builder.Add({kind, state::kChangePruned, builder.MapIndex(map), 0, key, tag, cells[field]});
    cells.erase(field);
    redis.Append(builder.Build(0));
  }
  // A gap in a shard's feed that the reader finds with what runs next.
  void Interrupt(uint32_t shard) {
    for (int i = 0; i < 2; ++i) redis(shard).Append(state::FeedEntryBuilder().Build(0));
    LoseFeed(shard);
    reader(shard).Poll();
  }
  // A feed that was trimmed so far that the reader cannot follow it.
  void LoseFeed(uint32_t shard) {
    auto& feed = shards_[shard]->redis.feed;
    feed.erase(feed.begin(), feed.end() - 1);
  }

  uint32_t ShardOf(std::string_view key) const { return state::ShardOf(key, kShards); }
  FakeRedis& RedisOf(std::string_view key) { return shards_[ShardOf(key)]->redis; }
  FakeRedis& redis(uint32_t shard) { return shards_[shard]->redis; }
  FakeOwner& owner(uint32_t shard) { return shards_[shard]->owner; }
  ViewRegistry& loop(size_t index) { return *loops_[index]; }
  void DropLoops() { loops_.clear(); }
  Shard& reader(uint32_t shard) { return shards_[shard]->reader; }
  ManualScheduler& scheduler() { return scheduler_; }
  support::ManualClock& wall() { return wall_; }
  // Value of a metric without labels.
  double Metric(const std::string& name) const {
    const std::string text = "\n" + registry_.Render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

 private:
  struct OneShard {
    OneShard(uint32_t number, ViewCluster& cluster)
        : owner(redis, cluster.scheduler_),
          writer_store(redis, cluster.scheduler_),
          reader_store(redis, cluster.scheduler_),
          writer(number, {},
                 {writer_store, owner, cluster.scheduler_, cluster.clock_, cluster.wall_,
                  cluster.probe_}),
          reader(number, {},
                 {reader_store, owner, cluster.scheduler_, cluster.clock_, cluster.wall_,
                  cluster.probe_}) {
      writer.OnConnected();
      reader.OnConnected();
    }

    FakeRedis redis;
    FakeOwner owner;
    FakeStore writer_store;
    FakeStore reader_store;
    Shard writer;
    Shard reader;
  };

  Outcome Submit(Shard& shard, std::string_view map, WriteOp op) {
    Outcome outcome = Outcome::kNone;
    WritePart part;
    part.maps = {map};
    part.origins = {""};
    part.ops = {op};
    part.bytes = 100;
    part.done = [&outcome](const WriteResult& result) {
      if (result.status.ok()) outcome = static_cast<Outcome>(result.outcomes[0]);
    };
    shard.Submit(std::move(part));
    scheduler_.Advance(5000);
    return outcome;
  }

  template <typename Part, typename Ask>
  StatusOr<std::vector<Part>> Gather(Ask ask) {
    std::vector<Part> parts;
    Status failure;
    for (const auto& loop : loops_) {
      ask(*loop, [&](StatusOr<Part> part) {
        if (part.ok()) {
          parts.push_back(*std::move(part));
        } else {
          failure = part.status();
        }
      });
    }
    scheduler_.Advance(5000);
    if (!failure.ok()) return failure;
    if (parts.size() != loops_.size()) return Unavailable("no answer");
    return parts;
  }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  support::ManualClock wall_{kNow};
  crdt::HybridLogicalClock clock_{"sync", wall_};
  std::vector<std::unique_ptr<OneShard>> shards_;
  std::vector<std::unique_ptr<ViewRegistry>> loops_;
};

}  // namespace topgun::sync
