// The domain's outside world in memory: time that is driven by hand, a shard of Redis, an owner.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "domain/io.h"
#include "domain/shard_feed.h"
#include "state/feed_entry.h"

namespace topgun::sync {

class ManualScheduler final : public Scheduler {
 public:
  void After(int64_t delay_ms, std::function<void()> task) override {
    timers_.emplace(now_ms_ + delay_ms, std::move(task));
  }
  void Post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }

  std::chrono::steady_clock::time_point Now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms_));
  }

  int64_t now_ms() const { return now_ms_; }
  bool RunOne() {
    if (tasks_.empty()) return false;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  void RunAll() {
    while (RunOne()) {
    }
  }
  // Runs tasks and due timers until nothing is left to do within `ms`.
  void Advance(int64_t ms) {
    const int64_t end = now_ms_ + ms;
    RunAll();
    while (!timers_.empty() && timers_.begin()->first <= end) {
      auto timer = timers_.extract(timers_.begin());
      now_ms_ = timer.key();
      timer.mapped()();
      RunAll();
    }
    now_ms_ = end;
  }

 private:
  int64_t now_ms_ = 0;
  std::deque<std::function<void()>> tasks_;
  std::multimap<int64_t, std::function<void()>> timers_;
};

// What one Redis holds of one shard; several stores (replicas) may share it.
struct FakeRedis {
  std::string run = "run-1";
  ShardMeta meta;
  std::map<std::string, std::map<std::string, std::string>> cells;  // map id -> field -> cell
  std::vector<FeedRecord> feed;
  std::map<std::string, state::Position> unloaded;
  std::map<std::string, std::string> tokens;
  bool overloaded = false;
  int64_t claimed_until_ms = 0;
  struct Lock {
    uint64_t token = 0;
    std::string owner;
    int64_t until_ms = 0;
  };
  std::map<std::string, Lock> locks;
  uint64_t last_token = 0;

  void Append(std::string entry) {
    meta.tail.n += 1;
    feed.push_back({meta.tail, std::move(entry)});
  }
  void Open(uint64_t incarnation) {
    const state::Position before = meta.tail;
    meta.exists = true;
    meta.run = run;
    meta.tail = {incarnation, before.n + 1};
    feed.push_back({meta.tail, state::EncodeMarker(0, before)});
  }
  const std::string* Find(state::CellKind kind, std::string_view map, const std::string& field) {
    const auto it = cells.find(state::MapId(kind, map));
    if (it == cells.end()) return nullptr;
    const auto cell = it->second.find(field);
    return cell == it->second.end() ? nullptr : &cell->second;
  }
};

// Each call takes effect when it is made (like a pipeline that is never reordered); its answer is
// posted.
class FakeStore final : public ShardStore {
 public:
  FakeStore(FakeRedis& redis, ManualScheduler& scheduler)
      : redis_(redis), scheduler_(scheduler), run_(redis.run) {}

  int commits = 0;
  int cell_reads = 0;
  int prunes = 0;
  int feed_entries_read = 0;
  bool lose_next_reply = false;  // the next commit happens, its reply does not arrive
  bool hold_next_reply = false;  // the next commit happens, its reply arrives with ReleaseReply()

  void Reconnect() { run_ = redis_.run; }
  void Disconnect() { run_.clear(); }
  void ReleaseReply() { std::exchange(held_reply_, nullptr)(); }

  const std::string& run() const override { return run_; }
  void ReadMeta(Callback<ShardMeta> callback) override { Answer(std::move(callback), redis_.meta); }
  void ReadCells(const std::vector<CellRef>& cells,
                 Callback<std::vector<std::optional<std::string>>> callback) override {
    ++cell_reads;
    std::vector<std::optional<std::string>> out;
    for (const CellRef& ref : cells) {
      const std::string* cell = redis_.Find(ref.kind, ref.map, std::string(ref.field));
      out.push_back(cell == nullptr ? std::nullopt : std::optional<std::string>(*cell));
    }
    Answer(std::move(callback), std::move(out));
  }
  void Commit(CommitRequest request, Callback<CommitReply> callback) override {
    ++commits;
    CommitReply reply = Decide(request);
    if (std::exchange(lose_next_reply, false)) {
      return Fail<CommitReply>(std::move(callback), Unavailable("connection lost"));
    }
    if (std::exchange(hold_next_reply, false)) {
      held_reply_ = [callback = std::move(callback), reply] { callback(reply); };
      return;
    }
    Answer(std::move(callback), std::move(reply));
  }
  void Prune(const PruneRequest& request, Callback<CommitReply> callback) override {
    ++prunes;
    CommitRequest checked{request.tail,
                          request.entry,
                          {state::MapId(request.kind, request.map),
                           state::MapId(state::CellKind::kLww, state::kHorizonMap)},
                          {{state::CellKind::kLww, state::kHorizonMap, request.horizons}}};
    CommitReply reply = Decide(checked);
    if (reply.code == state::CommitCode::kCommitted) {
      const std::string map_id = state::MapId(request.kind, request.map);
      for (const std::string_view field : request.fields) {
        redis_.cells[map_id].erase(std::string(field));
      }
      if (redis_.cells[map_id].empty()) redis_.cells.erase(map_id);
    }
    Answer(std::move(callback), std::move(reply));
  }
  void ClaimSweep(int64_t interval_ms, Callback<bool> callback) override {
    const bool free = scheduler_.now_ms() >= redis_.claimed_until_ms;
    if (free) redis_.claimed_until_ms = scheduler_.now_ms() + interval_ms;
    Answer(std::move(callback), free);
  }
  void ReadFeed(const state::Position& after, size_t count,
                Callback<std::vector<FeedRecord>> callback) override {
    std::vector<FeedRecord> out;
    for (const FeedRecord& record : redis_.feed) {
      if (record.position > after && out.size() < count) out.push_back(record);
    }
    feed_entries_read += static_cast<int>(out.size());
    Answer(std::move(callback), std::move(out));
  }
  void Scan(state::CellKind kind, std::string_view map, std::string_view /*cursor*/,
            Callback<ScanChunk> callback) override {
    ScanChunk chunk{"0", {}};
    for (const auto& [field, cell] : redis_.cells[state::MapId(kind, map)]) {
      chunk.cells.push_back({field, cell});
    }
    Answer(std::move(callback), std::move(chunk));
  }
  void ListMaps(Callback<std::vector<MapSize>> callback) override {
    std::map<std::string, uint64_t> sizes;
    for (const auto& [map_id, floor] : redis_.unloaded) sizes[map_id] = 0;
    for (const auto& [map_id, cells] : redis_.cells) sizes[map_id] = cells.size();
    std::vector<MapSize> out;
    for (const auto& [map_id, cells] : sizes) out.push_back({map_id, cells});
    Answer(std::move(callback), std::move(out));
  }
  void KnowsMap(std::string_view map_id, Callback<bool> callback) override {
    const std::string id(map_id);
    Answer(std::move(callback), redis_.cells.contains(id) || redis_.unloaded.contains(id));
  }
  void IsUnloaded(std::string_view map_id, Callback<bool> callback) override {
    Answer(std::move(callback), redis_.unloaded.contains(std::string(map_id)));
  }
  void HydrateBegin(std::string_view map_id, std::string_view token,
                    Callback<std::optional<state::Position>> callback) override {
    const auto it = redis_.unloaded.find(std::string(map_id));
    std::optional<state::Position> floor;
    if (it != redis_.unloaded.end()) {
      floor = it->second;
      redis_.tokens[std::string(map_id)] = token;
    }
    Answer(std::move(callback), floor);
  }
  void HydrateChunk(std::string_view map_id, std::string_view token,
                    const std::vector<HydrateWrite>& writes,
                    Callback<std::vector<size_t>> callback) override {
    if (redis_.tokens[std::string(map_id)] != token) {
      return Fail<std::vector<size_t>>(std::move(callback), Aborted("stale load token"));
    }
    std::vector<size_t> clashes;
    for (size_t i = 0; i < writes.size(); ++i) {
      std::string& cell = redis_.cells[std::string(map_id)][writes[i].field];
      if (cell == writes[i].expected) {
        cell = writes[i].cell;
      } else {
        clashes.push_back(i);
      }
    }
    Answer(std::move(callback), std::move(clashes));
  }
  void HydrateFinish(std::string_view map_id, std::string_view /*token*/,
                     StatusCallback callback) override {
    redis_.unloaded.erase(std::string(map_id));
    state::FeedEntryBuilder builder;
    builder.MapIndex(map_id.substr(1));
    redis_.Append(builder.Build(0));
    scheduler_.Post([callback = std::move(callback)] { callback(OkStatus()); });
  }
  void AcquireLock(uint64_t incarnation, const LockAsk& ask,
                   Callback<LockReply> callback) override {
    if (run_.empty()) return Fail<LockReply>(std::move(callback), Unavailable("away"));
    Answer(std::move(callback), Grant(incarnation, ask));
  }
  void ReleaseLock(const LockHold& hold, Callback<bool> callback) override {
    if (run_.empty()) return Fail<bool>(std::move(callback), Unavailable("away"));
    const auto lock = redis_.locks.find(std::string(hold.name));
    const bool held = lock != redis_.locks.end() && lock->second.until_ms > scheduler_.now_ms() &&
                      (hold.token == 0 || hold.token == lock->second.token) &&
                      (hold.owner.empty() || hold.owner == lock->second.owner);
    if (held) redis_.locks.erase(lock);
    Answer(std::move(callback), held);
  }

 private:
  LockReply Grant(uint64_t incarnation, const LockAsk& ask) {
    if (redis_.meta.run != run_ || redis_.meta.tail.incarnation != incarnation) return {};
    FakeRedis::Lock& lock = redis_.locks[std::string(ask.name)];
    const int64_t now_ms = scheduler_.now_ms();
    const int64_t left_ms = std::max<int64_t>(lock.until_ms - now_ms, 0);
    const bool own = left_ms > 0 && lock.owner == ask.owner;
    if (ask.held_token != 0 ? !own || lock.token != ask.held_token : left_ms > 0 && !own) {
      return {.code = state::LockCode::kHeld, .left_ms = left_ms};
    }
    if (ask.held_token == 0) lock.token = ++redis_.last_token;
    lock.owner = ask.owner;
    lock.until_ms = std::max(lock.until_ms, now_ms + ask.ttl_ms);
    return {.code = state::LockCode::kGranted, .token = lock.token};
  }
  CommitReply Decide(const CommitRequest& request) {
    CommitReply reply;
    if (redis_.meta.run != run_ || redis_.meta.tail.incarnation != request.tail.incarnation) {
      return reply;  // closed
    }
    reply.n = redis_.meta.tail.n;
    reply.code = state::CommitCode::kConflict;
    if (redis_.meta.tail.n != request.tail.n) return reply;
    for (const std::string& map_id : request.map_ids) {
      if (redis_.unloaded.contains(map_id)) reply.unloaded.push_back(map_id);
    }
    reply.code = state::CommitCode::kUnloaded;
    if (!reply.unloaded.empty()) return reply;
    reply.code = state::CommitCode::kOverloaded;
    if (redis_.overloaded && !request.entry.empty()) return reply;
    reply.code = state::CommitCode::kCommitted;
    reply.persisted = redis_.meta.persisted;
    if (request.entry.empty()) return reply;
    redis_.Append(std::string(request.entry));
    for (const CellWrites& writes : request.cells) {
      auto& cells = redis_.cells[state::MapId(writes.kind, writes.map)];
      for (size_t i = 0; i + 1 < writes.fields_and_cells.size(); i += 2) {
        cells[std::string(writes.fields_and_cells[i])] = writes.fields_and_cells[i + 1];
      }
    }
    reply.n = redis_.meta.tail.n;
    return reply;
  }

  template <typename T>
  void Answer(Callback<T> callback, T value) {
    scheduler_.Post([callback = std::move(callback), value = std::move(value)]() mutable {
      callback(std::move(value));
    });
  }
  template <typename T>
  void Fail(Callback<T> callback, Status status) {
    scheduler_.Post([callback = std::move(callback), status] { callback(status); });
  }

  FakeRedis& redis_;
  ManualScheduler& scheduler_;
  std::string run_;
  std::function<void()> held_reply_;
};

// Answers when it is told to.
class FakeReplicas final : public Replicas {
 public:
  struct Asked {
    std::string run;
    uint32_t timeout_ms = 0;
    std::function<void(bool)> callback;
  };
  void Confirm(const std::string& run, uint32_t timeout_ms,
               std::function<void(bool)> callback) override {
    asked.push_back({run, timeout_ms, std::move(callback)});
  }
  std::vector<Asked> asked;
};

class FakeOwner final : public ShardOwner {
 public:
  FakeOwner(FakeRedis& redis, ManualScheduler& scheduler) : redis_(redis), scheduler_(scheduler) {}

  uint64_t next_incarnation = 1;
  int opens = 0;
  bool away = false;
  std::vector<LoadedCell> rows;  // what Postgres has of any map

  void OpenShard(uint32_t /*shard*/, std::string_view /*run*/, StatusCallback callback) override {
    if (!away) {
      ++opens;
      if (redis_.meta.run != redis_.run) redis_.Open(next_incarnation++);
    }
    scheduler_.Post([callback = std::move(callback), away = away] {
      callback(away ? Unavailable("storage is away") : OkStatus());
    });
  }
  void LoadMap(uint32_t /*shard*/, std::string_view /*map_id*/, const state::Position& /*floor*/,
               Chunk chunk, StatusCallback done) override {
    scheduler_.Post([this, chunk = std::move(chunk), done = std::move(done)] {
      chunk(rows, [done] { done(OkStatus()); });
    });
  }

 private:
  FakeRedis& redis_;
  ManualScheduler& scheduler_;
};

}  // namespace topgun::sync
