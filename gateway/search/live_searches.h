// Live searches of one loop: their results, and what becomes of them (features.md 7.3).
//
// A subscription passes through these stages:
//
//   held      own earlier writes of the connection are not finished yet
//   waiting   for the interest in the map to be confirmed by every shard, or for another try
//   reading   its results are on their way
//   settled   they were sent
//   suspended the map may not be read; once it may, the subscription waits
//
// Subscriptions of one map and query form a group. The keys that changes of the map name are
// gathered for a short while, then the group asks for the scores of those records, one question at
// a time, and every subscription is told against what it knows: hits it was told of and that have
// not left. A score that comes while a subscription is reading may be older or newer than its
// results, so it is asked for again behind them. A removed record has no score.
//
// Whatever may have been missed (a gap in the watch stream, a question that failed, too many keys)
// sends settled subscriptions back to waiting while they go on hearing of changes; the new
// SEARCH_RESP replaces the client's results.
//
// Limits: hits that a subscription, and all of a loop, remember; keys that a group gathers. Owned
// by Searches; one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/clock.h"
#include "dispatch/expiry_queue.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "search/search_calls.h"
#include "search/search_io.h"
#include "search/search_probe.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {

class Connection;

// Runs a task so much later.
using After = std::function<void(std::chrono::milliseconds, std::function<void()>)>;

struct LiveSearchOptions {
  size_t subscriptions_max = 1'000;  // per connection
  size_t known_keys_max = 10'000;    // per subscription
  size_t loop_known_keys_max = 1'000'000;
  size_t changed_keys_max = 10'000;            // per group
  size_t expiry_bytes_max = size_t{32} << 20;  // of hits that wait for the end of their TTL
  size_t expired_per_tick = 20'000;
  std::chrono::milliseconds gather{50};
  std::chrono::milliseconds interest_linger{5'000};
  std::chrono::milliseconds wait_limit{20'000};
  std::chrono::milliseconds retry{1'000};
  std::chrono::milliseconds retry_full{30'000};  // of a map that does not fit
};

class LiveSearches final : public ChangeObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `others` hears of every change, too.
  LiveSearches(const LiveSearchOptions& options, ChangeSource& source, MapSearcher& searcher,
               SearchCalls& calls, ChangeObserver& others, After after, SearchProbe& probe,
               const WallClock& clock);
  void Bind(LoopContext& context) { context_ = &context; }
  // Connections that have more keep them.
  void set_subscriptions_max(size_t count) { options_.subscriptions_max = count; }

  // Replaces a subscription of the same id; suspended unless `readable`. Returns its serial for
  // Ready(); nothing when a limit is met.
  std::optional<uint64_t> Subscribe(Connection& connection, std::string_view id,
                                    SearchRequest request, bool readable);
  // The subscription is traced until it has its results. Before Ready().
  void Trace(uint64_t serial, Tracer::QuestionPtr question);
  // The writes the subscription had to wait for are finished. Unknown serials are ignored.
  void Ready(uint64_t serial);
  void Unsubscribe(Connection& connection, std::string_view id);
  void Forget(Connection& connection);
  size_t CountOf(Connection& connection) const;
  // Suspends what may no longer be read, with an error, and resumes what may be read again.
  void Recheck();

  void OnChange(const Change& change) override;
  void OnGap(uint32_t shard) override;
  void OnProgress() override;

  void Tick(Time now);

 private:
  enum class Stage : uint8_t { kHeld, kWaiting, kReading, kSettled, kSuspended };
  using Keys = absl::flat_hash_set<std::string>;
  struct Topic;
  struct Group;

  struct Subscription {
    uint64_t serial = 0;
    Connection* connection = nullptr;
    Group* group = nullptr;
    std::string id;
    uint32_t limit = 0;
    double min_score = 0;
    SharedBytes prefix;   // of its SEARCH_UPDATE frames
    uint64_t stream = 0;  // of them, since the latest results
    Stage stage = Stage::kHeld;
    bool readable = true;
    bool live = false;   // has had results, so it is told of changes
    bool stale = false;  // the results on their way will not do
    bool told = false;   // that there are no results yet
    Keys known;
    Keys missed;  // scored while it was reading
    Time waiting_since;
    Time not_before;
    Tracer::QuestionPtr question;

    bool listens() const { return live || stage == Stage::kReading; }
  };

  struct Group {
    explicit Group(ExpiryBudget& budget) : expiries(budget) {}

    uint64_t number = 0;
    Topic* topic = nullptr;
    std::string query;
    std::string matched_terms;  // MessagePack
    std::vector<Subscription*> subscriptions;
    Keys changed;
    bool scheduled = false;  // a question
    bool asking = false;
    ExpiryQueue expiries;  // of hits that subscriptions may know
  };

  struct StringHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, std::unique_ptr<T>, StringHash, std::equal_to<>>;

  struct Topic {
    std::string map;
    uint64_t interest = 0;  // number under which the interest is confirmed
    ByName<Group> groups;   // by query
    std::optional<Time> idle_since;
  };

  // The three frames of one record, made when they are wanted.
  class News;

  Topic& TopicOf(std::string_view map);
  Group& GroupOf(Topic& topic, std::string_view query);
  Group* Find(uint64_t group_number);
  void Remove(Subscription& subscription);
  void Suspend(Subscription& subscription);
  void Wait(Subscription& subscription);
  void SetKnown(Subscription& subscription, Keys keys);

  void StartReads();
  void StartRead(Subscription& subscription);
  void OnResults(uint64_t serial, const StatusOr<SearchHits>& hits);
  void Settle(Subscription& subscription, const std::vector<SearchHit>& hits);
  void Fail(Subscription& subscription, const Status& status);
  void TellWaiting();
  void ReadAgain(Subscription& subscription, SearchReset why);
  void ReadAgain(Group& group, SearchReset why);

  void AskSoon(Group& group);
  void AskScores(uint64_t group_number);
  void OnScores(uint64_t group_number, const std::vector<std::string>& keys,
                const StatusOr<SearchHits>& hits);
  void Deliver(Group& group, const std::vector<std::string>& keys,
               const std::vector<SearchHit>& hits);
  void Miss(Subscription& subscription, const std::string& key);
  void Tell(Subscription& subscription, News& news);
  void Push(Subscription& subscription, News& news, wire::ChangeType change);
  void LearnExpiry(Group& group, const SearchHit& hit);
  void HideExpired();

  LiveSearchOptions options_;
  ChangeSource& source_;
  MapSearcher& searcher_;
  SearchCalls& calls_;
  ChangeObserver& others_;
  const After after_;
  SearchProbe& probe_;
  const WallClock& clock_;
  LoopContext* context_ = nullptr;
  ExpiryBudget expiry_budget_;

  ByName<Topic> topics_;
  absl::flat_hash_map<uint64_t, Group*> groups_;  // by number
  absl::flat_hash_map<uint64_t, std::unique_ptr<Subscription>> subscriptions_;
  absl::flat_hash_map<Connection*, std::vector<Subscription*>> by_connection_;
  std::vector<uint64_t> waiting_;  // serials of subscriptions in that stage, and of some that were
  size_t known_keys_ = 0;          // of all subscriptions
  uint64_t next_number_ = 1;       // of groups, serials and streams
  Time now_;
};

}  // namespace topgun::gateway
