// Live queries of one loop: snapshots, and the changes that follow them (features.md 1.1, 1.10;
// core.md 6).
//
// A subscription passes through these stages:
//
//   held      own earlier writes of the connection are not finished yet
//   waiting   for the interest in the map to be confirmed by every shard, then for a read
//   reading   a snapshot is on its way; changes that arrive meanwhile are kept
//   settled   the snapshot was sent, with the kept changes beyond it right behind
//   suspended the map may not be read; once it may, the subscription waits for a snapshot
//   following of a query whose rows are worked out elsewhere (query_rows.h): here it has the map's
//             SERVER_EVENTs, whatever it filters
//
// Reads are shared: all subscriptions of a map that wait get the next snapshot, and at most one is
// on its way per map. A gap in the watch stream sends settled subscriptions back to waiting while
// they go on receiving changes; the new QUERY_RESP replaces the client's rows
// (fan_out_snapshots.cc).
//
// A row whose TTL passes leaves the queries by itself (fan_out_expiry.cc). It causes no
// SERVER_EVENT: the record stays what it is, and clients hide it by their own clock (core.md 4.1).
//
// Owned by the loop; one thread. Connections call Forget() before they go.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "dispatch/change_encoder.h"
#include "dispatch/expiry_queue.h"
#include "dispatch/io.h"
#include "dispatch/told_values.h"
#include "probe.h"

namespace topgun::gateway {

class AccessGate;
class Connection;
class QueryRows;

struct FanOutOptions {
  size_t subscriptions_max = 1'000;  // per connection
  size_t kept_bytes_max = size_t{8} << 20;
  size_t expiry_bytes_max = size_t{32} << 20;  // of rows that wait for the end of their TTL
  size_t expired_per_tick = 20'000;            // rows that leave; the others follow a tick later
  std::chrono::milliseconds interest_linger{5'000};
  std::chrono::milliseconds wait_limit{30'000};
  std::chrono::milliseconds read_retry{1'000};
};

class FanOut final : public ChangeObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  FanOut(const FanOutOptions& options, ChangeSource& source, MapReader& reader, Probe& probe,
         const WallClock& clock)
      : options_(options),
        source_(source),
        reader_(reader),
        probe_(probe),
        clock_(clock),
        expiry_budget_{.bytes_max = options.expiry_bytes_max} {}

  // Connections that have more keep them.
  void set_subscriptions_max(size_t count) { options_.subscriptions_max = count; }
  // Who may read what is asked here.
  void set_gate(const AccessGate& gate) { gate_ = &gate; }
  // Has the rows of subscriptions that want events only.
  void set_query_rows(QueryRows& rows) { query_rows_ = &rows; }

  enum class Wants : uint8_t { kRows, kEvents };  // both are told of events
  // Replaces a subscription of the same id; suspended unless `readable`. Returns its serial for
  // Ready(); nothing when the connection holds too many.
  std::optional<uint64_t> Subscribe(Connection& connection, std::string_view query_id,
                                    std::string_view map, Wants wants, bool readable);
  // Suspends what may no longer be read, with an ERROR, and resumes what may be read again.
  void Recheck();
  // The subscription is traced until it has its snapshot. Before Ready().
  void Trace(uint64_t serial, Tracer::QuestionPtr question);
  // The writes the subscription had to wait for are finished. Unknown serials are ignored.
  void Ready(uint64_t serial);
  void Unsubscribe(Connection& connection, std::string_view query_id);
  bool Holds(Connection& connection, std::string_view query_id) const;
  void Forget(Connection& connection);
  size_t CountOf(Connection& connection) const;  // of its live queries

  // Maps that anybody subscribes.
  void ForEachMap(const std::function<void(const std::string& map)>& visit) const;
  // Connections that subscribe the map and may read it.
  void ForEachSubscriber(const std::string& map,
                         const std::function<void(Connection&)>& visit) const;
  // Is told of gaps.
  void set_on_gap(std::function<void()> on_gap) { on_gap_ = std::move(on_gap); }
  // Is told when a connection begins to receive the changes of a map.
  void set_on_live(std::function<void(Connection&, const std::string& map)> on_live) {
    on_live_ = std::move(on_live);
  }

  void OnChange(const Change& change) override;
  void OnGap(uint32_t shard) override;
  void OnProgress() override;

  void Tick(Time now);

 private:
  enum class Stage : uint8_t { kHeld, kWaiting, kReading, kSettled, kSuspended, kFollowing };
  using Positions = std::shared_ptr<const std::vector<state::Position>>;
  struct Topic;

  static bool Includes(const Positions& positions, const EncodedChange& change) {
    return positions && change.shard < positions->size() &&
           change.position <= (*positions)[change.shard];
  }

  struct Subscription {
    uint64_t serial = 0;
    Connection* connection = nullptr;
    Topic* topic = nullptr;
    std::string query_id;
    SharedBytes prefix;   // of its QUERY_UPDATE frames
    uint64_t stream = 0;  // of these; another one behind every snapshot
    Stage stage = Stage::kHeld;
    Wants wants = Wants::kRows;
    bool readable = true;
    bool live = false;    // has had a snapshot or needs none, so it receives changes
    Positions positions;  // what its latest snapshot includes
    Tracer::QuestionPtr question;
  };

  struct Topic {
    explicit Topic(ExpiryBudget& budget) : expiries(budget) {}

    std::string map;
    uint64_t stream = 0;    // coalescing stream of its SERVER_EVENTs
    uint64_t interest = 0;  // number under which the interest is confirmed
    absl::flat_hash_map<Connection*, std::vector<Subscription*>> subscribers;
    size_t following = 0;   // subscriptions in that stage
    size_t unfiltered = 0;  // subscriptions that want rows
    bool reading = false;
    bool stale = false;  // the read on its way will not do
    std::vector<std::shared_ptr<const EncodedChange>> kept;
    size_t kept_bytes = 0;
    Positions positions;   // of the latest snapshot
    ExpiryQueue expiries;  // of rows that subscriptions may show
    std::optional<Time> waiting_since;
    std::optional<Time> idle_since;
    Time read_not_before;
  };

  struct StringHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Topic& TopicOf(std::string_view map);
  void Remove(Subscription& subscription);
  void Wait(Subscription& subscription);
  void Suspend(Subscription& subscription);
  template <typename Do>
  void ForEach(const Topic& topic, Stage stage, Do&& act);

  void StartReads();
  void StartRead(Topic& topic);
  void OnSnapshot(uint64_t stream, const std::string& map,
                  const StatusOr<std::shared_ptr<const MapSnapshot>>& snapshot);
  void Settle(Subscription& subscription, const Topic& topic);
  void Follow(Subscription& subscription);
  // Whether a subscription of the connection receives the topic's changes.
  static bool IsLive(Connection& connection, const Topic& topic);
  // Settled subscriptions of the topic are to get a new snapshot.
  void ReadAgain(Topic& topic);
  void Fail(const Topic& topic, Stage stage);

  bool IsTold(const Connection& connection, const EncodedChange& change) const;
  void Keep(Topic& topic, std::shared_ptr<const EncodedChange> change);
  void Deliver(const Topic& topic, const EncodedChange& change);
  void SendEvent(Connection& connection, const Topic& topic, const EncodedChange& change);
  void SendUpdate(const Subscription& subscription, const EncodedChange& change);

  void FollowExpiry(Topic& topic, const EncodedChange& change);
  void LearnExpiries(Topic& topic, const MapSnapshot& snapshot);
  // At most `rows_max`; returns how many have left.
  size_t HideExpired(Topic& topic, size_t rows_max);
  void HideAllExpired();
  void SendLeave(const Topic& topic, std::string_view key);

  std::function<void()> on_gap_;
  std::function<void(Connection&, const std::string&)> on_live_;
  const AccessGate* gate_ = nullptr;
  QueryRows* query_rows_ = nullptr;
  FanOutOptions options_;
  ChangeSource& source_;
  MapReader& reader_;
  Probe& probe_;
  const WallClock& clock_;
  ExpiryBudget expiry_budget_;
  size_t expiring_reported_ = 0;

  std::unordered_map<std::string, std::unique_ptr<Topic>, StringHash, std::equal_to<>> topics_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Subscription>> subscriptions_;
  absl::flat_hash_map<Connection*, std::vector<Subscription*>> by_connection_;
  uint64_t next_number_ = 1;  // of streams and serials
  size_t waiting_ = 0;        // subscriptions in that stage
  ToldValues told_;
  wire::QueryRespFrame resp_;  // reused
  Time now_;
};

}  // namespace topgun::gateway
