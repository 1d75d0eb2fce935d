// The event journal of one loop's connections (features.md 6, docs/journal.md): who subscribes it,
// and what they are told.
//
// Stands between the watch streams and the live queries: every change of the cluster passes. Events
// that anybody wants are held back for a while (hold_back.h), so that they leave in the order of
// their sequences, once to every connection that has a subscription they match. A gap in the watch
// stream is healed first (journal_gaps.h). JOURNAL_READ: journal_reads.h.
//
// A subscription with `fromSequence` is replayed (journal_replay.cc): once all shards report the
// changes of its maps, pages are read and sent as fast as the peer reads, all as of the moment of
// the first one; what happens meanwhile is kept and follows, as far as it is beyond that moment.
//
// Limits: see JournalOptions. Owned by the loop; one thread. Connections call Forget() before they
// go. Tick() is called every ConnectionTable::kTick.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "crdt/string_map.h"
#include "dispatch/io.h"
#include "dispatch/journal/hold_back.h"
#include "dispatch/journal/journal_event.h"
#include "dispatch/journal/journal_gaps.h"
#include "dispatch/journal/journal_probe.h"
#include "dispatch/journal/journal_reads.h"
#include "dispatch/loop_context.h"
#include "wire/journal.h"

namespace topgun::gateway {

class Connection;

struct JournalOptions {
  bool enabled = true;             // otherwise requests are accepted, and there are no events
  size_t subscriptions_max = 100;  // per connection
  size_t held_bytes_max = size_t{8} << 20;
  size_t kept_bytes_max = size_t{1} << 20;        // behind one replay, then it reads them
  size_t backlog_bytes_max = size_t{256} << 10;   // queued for the peer of a replay, then it waits
  std::chrono::milliseconds replay_retry{1'000};  // after a failed read
  std::chrono::milliseconds replay_patience{30'000};  // then the client is told that it waits
  JournalReadOptions reads = {};
};

class Journal final : public ChangeObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Every change goes on to `others`.
  Journal(const JournalOptions& options, ChangeSource& source, JournalReader& reader,
          const WallClock& clock, JournalProbe& probe, ChangeObserver& others);
  void Bind(LoopContext& context);

  // Replaces a subscription of the same id.
  void OnSubscribe(Connection& connection, const wire::JournalSubscribeFrame& frame);
  void OnUnsubscribe(Connection& connection, const wire::JournalUnsubscribeFrame& frame);
  void OnRead(Connection& connection, const wire::JournalReadFrame& frame);
  void Forget(Connection& connection);
  // The policies may have changed.
  void Recheck();

  void OnChange(const Change& change) override;
  void OnGap(uint32_t shard) override;
  void OnProgress() override;
  void Tick(Time now);

 private:
  using Positions = std::shared_ptr<const std::vector<state::Position>>;
  struct Subscription;

  // What the watch streams are asked for.
  struct Interest {
    std::optional<std::string> map;  // nothing: all
    uint64_t id = 0;                 // under which it is confirmed
    std::vector<Subscription*> subscriptions;
  };
  struct Replay {
    state::JournalSequence from;  // of the next page
    Positions after;              // told before: in an earlier pass
    Positions upto;               // as of the first page; null: there was none yet
    int64_t began_ms = 0;         // the pass
    bool ready = false;           // the connection's own changes are done
    bool reading = false;
    bool overfull = false;              // what is kept is not all
    std::vector<JournalEventPtr> kept;  // in the order they were told
    size_t kept_bytes = 0;
    Time not_before;
    Time waiting_since;
  };
  struct Listener {
    std::vector<std::unique_ptr<Subscription>> subscriptions;
    uint64_t told = 0;  // number of the last event
  };
  struct Subscription {
    uint64_t serial = 0;
    Connection* connection = nullptr;
    Listener* listener = nullptr;
    Interest* interest = nullptr;
    std::string id;
    uint8_t types = 0;               // of wire::JournalType; 0: all
    uint64_t since_event = 0;        // the next to come when it was made
    int64_t since_ms = 0;            // when that was
    bool readable = true;            // its map, when there was a last decision
    std::unique_ptr<Replay> replay;  // null: it is told what happens
    Positions replayed;              // null: nothing
  };

  static bool Includes(const Positions& positions, uint32_t shard,
                       const state::Position& position) {
    return positions && shard < positions->size() && position <= (*positions)[shard];
  }

  bool Accepts(Connection& connection, const wire::JournalSubscribeFrame& frame);
  Subscription& Add(Connection& connection, const wire::JournalSubscribeFrame& frame);
  Interest& InterestIn(std::optional<std::string_view> map);
  void Remove(Subscription& subscription);  // from everything but its listener
  void Detach(Interest& interest, Subscription& subscription);

  bool IsWanted(std::string_view map) const;
  void Hold(JournalEvent event);
  void TellDue();
  void Tell(const JournalEventPtr& event);
  template <typename Do>
  void ForEachMatch(const JournalEvent& event, Do&& act);
  bool Matches(const Subscription& subscription, const JournalEvent& event) const;
  bool MayTell(const Subscription& subscription, std::string_view map) const;
  void Keep(Replay& replay, const JournalEventPtr& event) const;

  void Ready(uint64_t serial);
  void GoOnReplaying();
  void ReadPage(Subscription& subscription);
  void OnPage(uint64_t serial, const StatusOr<std::shared_ptr<const JournalAnswer>>& answer);
  void SendPage(const Subscription& subscription, const JournalAnswer& answer);
  void EndPass(Subscription& subscription);

  const JournalOptions options_;
  ChangeSource& source_;
  JournalReader& reader_;
  const WallClock& clock_;
  JournalProbe& probe_;
  ChangeObserver& others_;
  LoopContext* context_ = nullptr;

  std::unordered_map<Connection*, Listener> listeners_;
  absl::flat_hash_map<uint64_t, Subscription*> by_serial_;
  Interest all_maps_;
  crdt::StringMap<std::unique_ptr<Interest>> interests_;
  std::vector<uint64_t> replaying_;  // serials; some may be gone
  uint64_t next_serial_ = 1;
  uint64_t next_event_ = 1;
  int64_t since_ms_ = 0;  // when the first of the subscriptions was made

  HoldBack hold_back_;
  int64_t held_reported_ = 0;
  state::JournalSequence last_told_;
  JournalGaps gaps_;
  JournalReads reads_;
  Time now_;
};

}  // namespace topgun::gateway
