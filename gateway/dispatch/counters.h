// PN counters of one loop (features.md 4): who follows which, what the cluster has counted, and
// what is on its way there.
//
// A counter is followed as long as a connection has asked for it or synced it. Its state is read
// once the cluster reports its changes, and grows with every change from then on: it is a CRDT, so
// neither order nor repetition matters. What a client has counted beyond that state becomes writes;
// once the state has grown by them, whoever follows the counter is told.
//
// One step of a counter is on its way at a time, a read or a write; what comes meanwhile is
// gathered for the next one. So a request that follows a sync is answered with it. Writes that are
// refused for now are tried again a few times.
//
// Changes that were missed: the state is read again. If Redis has lost some of it, what is known
// here beyond that is written again.
//
// Subscribers are told at most once per tick and in the next turn after a pause, and an update that
// still waits for its connection is replaced. Each counter is encoded once for all of them.
//
// Limits: see CounterOptions. Owned by the loop; one thread. Connections call Forget() before they
// go.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "crdt/pn_counter.h"
#include "dispatch/counter_probe.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "wire/client_frame.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {

class Connection;

struct CounterOptions {
  size_t per_connection_max = 1'000;  // followed by one connection
  size_t amounts_max = 10'000;        // of a counter; a node has one or two
  // Of a counter, in the frame that tells its state. No more than half of what may wait for a
  // connection: counters that others let grow beyond are told up to twice as much.
  size_t state_bytes_max = size_t{512} << 10;
  size_t bytes_max = size_t{64} << 20;  // of all counters, about
  size_t reads_max = 64;                // on their way
  size_t nodes_per_write = 1'000;
  size_t write_attempts_max = 5;
  std::chrono::milliseconds retry{1'000};        // after a read or a write that failed
  std::chrono::milliseconds wait_limit{10'000};  // for a read to begin, then its askers are told
};

class Counters final : public ChangeObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `others` hears of every change that is not one of a counter, and of everything else.
  Counters(const CounterOptions& options, ChangeSource& source, CounterReader& reader, Defer defer,
           metrics::Registry& registry, ChangeObserver& others)
      : options_(options),
        source_(source),
        reader_(reader),
        defer_(std::move(defer)),
        probe_(registry),
        others_(others) {}
  void Bind(LoopContext& context) { context_ = &context; }

  void OnRequest(Connection& connection, const wire::CounterFrame& frame);
  void OnSync(Connection& connection, const wire::CounterFrame& frame);
  void Forget(Connection& connection);
  // The policies may have changed.
  void Recheck();

  void OnChange(const Change& change) override;
  void OnGap(uint32_t shard) override;
  void OnProgress() override;
  void Tick(Time now);

  size_t size() const { return counters_.size(); }

 private:
  struct Counter;
  using Places = std::map<uint64_t, Counter*>;  // oldest first

  struct Subscriber {
    enum class Asked : uint8_t { kNo, kWaiting, kReading };

    uint64_t sent = 0;  // version of the state that it was told last
    Asked asked = Asked::kNo;
    bool readable = true;
    bool syncing = false;  // something that it has counted is not written yet
  };

  struct Counter {
    enum class Step : uint8_t { kIdle, kQueued, kReading, kWriting, kResting };

    std::string name;
    uint32_t shard = 0;
    uint64_t stream = 0;     // of its updates; no other counter ever has it
    uint64_t interest = 0;   // number under which the interest is confirmed
    crdt::PnCounter known;   // what the cluster has
    crdt::PnCounter wanted;  // what is to be written
    uint64_t version = 1;    // of what is known
    absl::flat_hash_map<Connection*, Subscriber> subscribers;
    size_t asking = 0;   // subscribers that wait for the next read
    size_t syncing = 0;  // subscribers of that kind

    Step step = Step::kIdle;
    uint64_t place = 0;  // in queue_ or resting_
    Time since;          // in that place
    bool loaded = false;
    bool stale = false;  // the read on its way will not do
    bool lost = false;   // the cluster may have less by now than is known
    bool wrote_last = false;
    size_t attempts = 0;  // to write, without success

    SharedBytes update;    // COUNTER_UPDATE
    SharedBytes response;  // COUNTER_RESPONSE; null unless anybody has asked
    uint64_t encoded = 0;  // version of the two
    size_t state_bytes = 0;
    uint64_t told_in = 0;  // tick
    size_t wanted_bytes = 0;
    size_t counted_bytes = 0;  // in bytes_
  };
  using Step = Counter::Step;

  struct StringHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  // Frames, and the life of counters (counters.cc).
  bool ValidName(Connection& connection, std::string_view name) const;
  bool MayWrite(Connection& connection, const wire::CounterFrame& frame) const;
  bool Decode(Connection& connection, std::string_view state, crdt::PnCounter* out);
  void Refuse(Connection& connection, CounterLimit limit, int64_t code, std::string_view text);
  // Null: it may follow no more counters, and was told so.
  Counter* Follow(Connection& connection, std::string_view name, bool readable);
  void Ask(ConnectionId id, const std::string& name);
  void TakeOver(Connection& connection, Counter& counter, const crdt::PnCounter& state,
                size_t frame_bytes);
  void SetReadable(Counter& counter, Connection& connection, Subscriber& subscriber);
  bool Fits(const Counter& counter, const crdt::PnCounter& news) const;
  Counter* Find(std::string_view name) const;
  // Null also when it is another counter of that name.
  Counter* Find(std::string_view name, uint64_t stream) const;
  Counter& Make(std::string_view name);
  void DropIfIdle(Counter& counter);
  void Recount(Counter& counter);

  // Steps (counters_steps.cc). Those that end with Advance() may drop the counter.
  void Advance(Counter& counter);
  void Place(Counter& counter, Step step);
  void Leave(Counter& counter);
  void StartReads();
  void StartRead(Counter& counter);
  void OnState(const std::string& name, uint64_t stream, const StatusOr<std::string>& answer);
  void Load(Counter& counter, const crdt::PnCounter& state);
  void Heal(Counter& counter, const crdt::PnCounter& state);
  void ReadFailed(Counter& counter);
  void StartWrite(Counter& counter);
  void OnWritten(const std::string& name, uint64_t stream, std::span<const CountedNode> nodes,
                 std::span<const OpOutcome> outcomes);
  void GiveUp(Counter& counter, int64_t code, std::string_view text);
  void Settle(Counter& counter);
  void TellWaiting();

  // Telling (counters_tell.cc).
  void Grown(Counter& counter);
  void TellSoon(Counter& counter);
  void TellReady();
  void Tell(Counter& counter);
  void Encode(Counter& counter);
  void SendUpdate(Counter& counter, Connection& connection, Subscriber& subscriber);
  void SendResponse(Counter& counter, Connection& connection, Subscriber& subscriber);

  const CounterOptions options_;
  ChangeSource& source_;
  CounterReader& reader_;
  const Defer defer_;
  CounterProbe probe_;
  ChangeObserver& others_;
  LoopContext* context_ = nullptr;

  std::unordered_map<std::string, std::unique_ptr<Counter>, StringHash, std::equal_to<>> counters_;
  absl::flat_hash_map<Connection*, std::vector<Counter*>> by_connection_;
  Places queue_;                         // to be read
  Places resting_;                       // until a step may be tried again
  absl::flat_hash_set<Counter*> ready_;  // to be told in the next turn
  absl::flat_hash_set<Counter*> later_;  // to be told with the next tick
  uint64_t next_number_ = 1;             // of streams and places
  size_t reads_ = 0;
  size_t bytes_ = 0;
  bool telling_ = false;
  uint64_t tick_ = 1;
  Time now_;
};

}  // namespace topgun::gateway
