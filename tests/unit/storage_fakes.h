// Redis and Postgres as the shard domain sees them, in memory, with failures on demand. Each keeps
// a journal of what it was asked.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "shard/io.h"
#include "state/cell.h"
#include "state/position.h"

namespace topgun::storage {

using Journal = std::vector<std::string>;

class FakeShardStore final : public ShardStore {
 public:
  explicit FakeShardStore(Journal& journal) : journal_(journal) {}

  ShardMeta meta;
  std::string run_now = "run-1";
  std::map<std::string, std::vector<ScanPage::Cell>> cells;  // by map id
  std::deque<Position> tail_moves;                           // seen by the next openings

  std::string run(uint32_t) const override { return run_now; }
  awaitable<StatusOr<ShardMeta>> ReadMeta(uint32_t) override {
    if (run_now.empty()) co_return Unavailable("Redis is away");
    co_return meta;
  }
  awaitable<StatusOr<bool>> Open(uint32_t, OpenRequest request) override {
    if (!tail_moves.empty()) {
      meta.tail = tail_moves.front();
      tail_moves.pop_front();
    }
    if (request.tail != meta.tail) {
      journal_.push_back("open refused");
      co_return false;
    }
    std::string line = "open " + state::ToString(request.marker);
    for (const MapFloor& map : request.unloaded) {
      line += " " + map.map_id.substr(1) + ">" + state::ToString(map.floor);
    }
    journal_.push_back(line);
    meta.run = request.run;
    meta.tail = request.marker;
    co_return true;
  }
  awaitable<Status> PublishPersisted(uint32_t, uint64_t, Position position, uint64_t bytes,
                                     Position) override {
    meta.persisted = position;
    meta.persisted_bytes = bytes;
    co_return OkStatus();
  }
  awaitable<StatusOr<std::vector<std::string>>> ListMaps(uint32_t) override {
    journal_.push_back("scan");
    std::vector<std::string> maps;
    for (const auto& [map, ignored] : cells) maps.push_back(map);
    co_return maps;
  }
  awaitable<StatusOr<ScanPage>> ScanCells(uint32_t, std::string map_id, std::string) override {
    ScanPage page{"0", {}};
    page.cells = cells[map_id];
    co_return page;
  }

 private:
  Journal& journal_;
};

class FakeCellStore final : public CellStore {
 public:
  explicit FakeCellStore(Journal& journal) : journal_(journal) {}

  ShardRow row{0, {}, 0, "me"};
  std::vector<std::string> maps_above;
  std::map<std::string, std::string> values;  // key -> value
  std::deque<Status> flush_failures;          // answers of the next flushes
  bool commit_before_failing = false;

  awaitable<StatusOr<ShardRow>> ReadShard(uint32_t) override { co_return row; }
  awaitable<StatusOr<ShardRow>> RaiseIncarnation(uint32_t, std::string owner,
                                                 uint64_t redis_incarnation) override {
    if (owner != row.owner) co_return FailedPrecondition("not yours");
    row.incarnation = std::max(row.incarnation, redis_incarnation) + 1;
    journal_.push_back("raise " + std::to_string(row.incarnation));
    co_return row;
  }
  awaitable<StatusOr<std::vector<std::string>>> MapsAbove(uint32_t, Position) override {
    co_return maps_above;
  }
  awaitable<Status> Flush(uint32_t, std::string owner, uint64_t incarnation,
                          const WriteBatch& batch) override {
    Status failure;
    if (!flush_failures.empty()) {
      failure = flush_failures.front();
      flush_failures.pop_front();
      journal_.push_back("flush fails");
      if (!commit_before_failing) co_return failure;
    }
    if (owner != row.owner || incarnation != row.incarnation || batch.from() != row.position) {
      journal_.push_back("fence");
      co_return Aborted("fence");
    }
    for (const CellRow& cell : batch.rows()) {
      state::CellView view;
      if (state::DecodeCell(cell.cell, &view)) {
        values[std::string(cell.key)] = std::string(view.value);
      }
    }
    row.position = batch.to();
    row.bytes = batch.bytes();
    journal_.push_back("flush " + state::ToString(batch.from()) + ".." +
                       state::ToString(batch.to()));
    co_return failure;
  }
  awaitable<StatusOr<LoadedPage>> LoadPage(LoadRequest, std::string) override {
    co_return LoadedPage{};
  }

 private:
  Journal& journal_;
};

// A feed that a test fills in advance.
class FakeFeedSource final : public FeedSource {
 public:
  std::map<Position, std::string> entries;

  awaitable<StatusOr<FeedReply>> Read(std::vector<FeedPoint> points, uint32_t count,
                                      std::chrono::milliseconds) override {
    FeedReply reply;
    FeedChunk chunk{points.front(), {}};
    auto next = entries.upper_bound(chunk.point.after);
    for (; next != entries.end() && chunk.entries.size() < count; ++next) {
      chunk.entries.push_back({next->first, next->second, next->first.n});
    }
    if (!chunk.entries.empty()) reply.chunks.push_back(std::move(chunk));
    co_return reply;
  }
};

}  // namespace topgun::storage
