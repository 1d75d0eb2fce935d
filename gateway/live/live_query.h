// One query and everybody who subscribes it: snapshots, and the changes that follow them
// (features.md 1.10).
//
// Subscriptions that are the same to the letter are members of one LiveQuery, so a change is
// evaluated and encoded once for all of them. A member passes through these stages:
//
//   idle      not a member: it may not begin yet, or not any more
//   waiting   for a read
//   reading   a snapshot is on its way for it; changes that arrive meanwhile are kept
//   settled   it was answered; the kept changes beyond the snapshot were right behind
//   done      it was answered and is not told of changes: the query is of one moment, or there was
//             no memory to follow it
//
// All members that wait get the next snapshot, and at most one is on its way. It becomes what all
// of them have on show: those who are settled are told what differs. After a gap everybody waits
// again, and goes on receiving changes.
//
// Owned by LiveQueries, which also decides when it is read; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "dispatch/expiry_queue.h"
#include "dispatch/io.h"
#include "live/live_query_probe.h"
#include "live/query_spec.h"
#include "live/result_set.h"
#include "probe.h"
#include "state/cell.h"
#include "wire/server_frame.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {

class Connection;
class LiveQuery;

struct LiveQueryOptions {
  size_t query_bytes_max = size_t{64} << 20;   // of all queries as such
  size_t result_bytes_max = size_t{64} << 20;  // of all result sets
  size_t keys_max = 500'000;                   // of one query without a limit
  size_t kept_bytes_max = size_t{4} << 20;     // of one query
  size_t expiry_bytes_max = size_t{32} << 20;  // of rows that wait for the end of their TTL
  size_t expired_per_tick = 20'000;            // rows that leave; the others follow a tick later
  size_t reads_max = 16;                       // at once
  std::chrono::milliseconds wait_limit{30'000};
  std::chrono::milliseconds read_retry{1'000};  // doubles with every failure up to the next
  std::chrono::milliseconds read_retry_max{30'000};
  // Between the reads that nobody waits for: this, and so many times as long as a read takes.
  std::chrono::milliseconds refresh_every{1'000};
  int refresh_pause = 10;
};

// What the live queries of a loop have in common.
struct LiveQueryShare {
  const LiveQueryOptions options;
  Probe& probe;
  LiveQueryProbe& live_probe;
  const WallClock& clock;
  QueryTextBudget queries{.bytes_max = options.query_bytes_max};
  ResultBudget results{.bytes_max = options.result_bytes_max};
  ExpiryBudget expiries{.bytes_max = options.expiry_bytes_max};
  uint64_t last_stream = uint64_t{1} << 63;  // of updates; FanOut's begin at the other end
};

// A subscription.
struct LiveMember {
  enum class Stage : uint8_t { kIdle, kWaiting, kReading, kSettled, kDone };
  using Positions = std::shared_ptr<const std::vector<state::Position>>;

  Connection* connection = nullptr;
  std::string query_id;
  SharedBytes prefix;  // of its QUERY_UPDATE frames
  std::shared_ptr<const QuerySpec> spec;
  LiveQuery* query = nullptr;  // it is a member of
  size_t index = 0;            // there
  Stage stage = Stage::kIdle;
  bool live = false;    // it has rows on show and is told of changes
  uint64_t stream = 0;  // of its updates; another one behind every snapshot
  Positions positions;  // what its latest snapshot includes
  Tracer::QuestionPtr question;
};

class LiveQuery {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Snapshot = std::shared_ptr<const MapSnapshot>;

  LiveQuery(uint64_t id, std::shared_ptr<const QuerySpec> spec, LiveQueryShare& share)
      : id_(id), spec_(std::move(spec)), share_(share), expiries_(share.expiries) {}
  LiveQuery(const LiveQuery&) = delete;
  LiveQuery& operator=(const LiveQuery&) = delete;

  uint64_t id() const { return id_; }
  const std::shared_ptr<const QuerySpec>& spec() const { return spec_; }
  bool empty() const { return members_.empty(); }

  void Join(LiveMember& member, Time now);
  void Leave(LiveMember& member);

  // It is to be read, but not before read_at().
  bool wants_read() const { return !reading_ && (waiting_ > 0 || refresh_); }
  Time read_at() const;
  // What the read is traced for, if it is.
  Tracer::QuestionPtr BeginRead(Time now);
  void EndRead(const StatusOr<Snapshot>& snapshot, Time now);
  // Tells those that have waited for too long.
  void CheckPatience(Time now);

  // `record` is live or null. False: there was no need to look at it.
  bool OnChange(const Change& change, const state::CellView* record);
  void OnGap(Time now);

  bool expiring() const { return expiries_.waits(); }
  // Rows whose TTL has passed leave, at most so many. Returns how many did.
  size_t HideExpired(size_t rows_max, Time now);

 private:
  using Stage = LiveMember::Stage;
  using Positions = LiveMember::Positions;
  using Audience = absl::FunctionRef<bool(const LiveMember& member)>;

  // A change that came during a read.
  struct Kept {
    uint32_t shard = 0;
    state::Position position;
    std::string origin;
    std::string key;
    std::string rank;
    std::string value;
    bool selected = false;
    bool was_live = false;
    std::optional<double> expires_ms;

    RowChange row() const {
      return {.key = key, .selected = selected, .was_live = was_live, .rank = rank, .value = value};
    }
  };
  // What a snapshot becomes.
  struct Answer;

  static bool Includes(const Positions& positions, uint32_t shard, state::Position position) {
    return positions && shard < positions->size() && position <= (*positions)[shard];
  }
  Liveness liveness() const { return spec_->liveness(); }
  bool HasStage(Stage stage) const;
  void Move(Stage from, Stage to);
  void MakeWait(LiveMember& member, Time now);
  void WaitAgain(Time now);
  void Refresh(ReadAgain why);
  void CheckReserve();

  void Keep(const Change& change, const RowChange& row, std::optional<double> expires_ms);
  void DropKept();
  void FollowExpiry(const ResultSet& set, const RowChange& row, std::optional<double> expires_ms);
  void TellChange(const Change& change, const RowChange& row);
  bool TakeToldByRead(std::string_view key);
  void Tell(const RowUpdate& update, Audience audience);
  void TellNotLive(LiveMember& member);
  // Nobody is told of changes any more.
  void Freeze();
  // Forgets what is on show when no member is live.
  void DropUnseen();

  void Retry(const Status& status, Time now);
  void Fail(Stage stage);
  void Refuse(const Status& status);
  void Settle(const MapSnapshot& snapshot);
  std::unique_ptr<ResultSet> NewSet() const;
  void Prepare(const MapSnapshot& snapshot, Answer& answer);
  void Reply(Answer& answer, const Positions& positions);
  void LearnExpiries(const ResultSet& fresh, const MapSnapshot& snapshot);
  void Replay(ResultSet& fresh);
  void Succeed(ResultSet& fresh);

  const uint64_t id_;
  const std::shared_ptr<const QuerySpec> spec_;
  LiveQueryShare& share_;
  std::vector<LiveMember*> members_;
  size_t waiting_ = 0;  // members
  std::optional<Time> waiting_since_;

  std::unique_ptr<ResultSet> shown_;  // null: no member is live
  Positions positions_;               // of the snapshot that it began with
  // Hashes of keys that were told because of a snapshot, not of a change: whoever writes one next
  // may have been told an older value of its own, so it is told the new one.
  absl::flat_hash_set<uint64_t> told_by_read_;
  ExpiryQueue expiries_;  // of rows in shown_

  bool refresh_ = false;  // to be read although nobody waits
  bool reading_ = false;
  bool stale_ = false;  // the read on its way will not do
  Time read_began_;
  Time retry_at_;
  Time refresh_at_;
  int failures_ = 0;  // reads in a row
  std::vector<Kept> kept_;
  size_t kept_bytes_ = 0;

  RowUpdates updates_;  // scratch memory
  std::string rank_;
  std::string value_;
};

}  // namespace topgun::gateway
