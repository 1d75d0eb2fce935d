// Counters: reads, writes, and what becomes of them.
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/counters.h"
#include "dispatch/detached_writes.h"
#include "dispatch/error_codes.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

// Takes the first nodes out.
std::vector<CountedNode> TakeNodes(crdt::PnCounter& wanted, size_t nodes_max) {
  std::vector<CountedNode> nodes;
  crdt::PnCounter rest;
  auto positive = wanted.positive().begin();
  auto negative = wanted.negative().begin();
  const auto positive_end = wanted.positive().end();
  const auto negative_end = wanted.negative().end();
  while (positive != positive_end || negative != negative_end) {
    const bool counts_up = positive != positive_end &&
                           (negative == negative_end || positive->first <= negative->first);
    const bool counts_down = negative != negative_end &&
                             (positive == positive_end || negative->first <= positive->first);
    const std::string& node = counts_up ? positive->first : negative->first;
    const state::Counted counted{counts_up ? positive->second : 0,
                                 counts_down ? negative->second : 0};
    if (nodes.size() < nodes_max) {
      nodes.push_back({.node = node, .counted = counted});
    } else {
      rest.Raise(node, counted.positive, counted.negative);
    }
    if (counts_up) ++positive;
    if (counts_down) ++negative;
  }
  wanted = std::move(rest);
  return nodes;
}

}  // namespace

void Counters::OnChange(const Change& change) {
  if (change.kind != state::CellKind::kCounter) return others_.OnChange(change);
  Counter* const counter = Find(change.map);
  state::CellView cell;
  if (counter == nullptr || !state::DecodeCell(change.cell, &cell)) return;
  const auto counted = state::DecodeCounted(cell.value);
  if (!counted.has_value()) return;
  if (counter->known.Raise(change.key, counted->positive, counted->negative)) Grown(*counter);
}

void Counters::OnGap(uint32_t shard) {
  others_.OnGap(shard);
  std::vector<Counter*> touched;
  for (const auto& [name, counter] : counters_) {
    if (counter->shard == shard) touched.push_back(counter.get());
  }
  for (Counter* const counter : touched) {
    counter->loaded = false;
    counter->lost = true;
    counter->stale = counter->step == Step::kReading;
    Advance(*counter);
  }
}

void Counters::OnProgress() {
  others_.OnProgress();
  StartReads();
}

void Counters::Tick(Time now) {
  now_ = now;
  ++tick_;
  while (!resting_.empty() && now - resting_.begin()->second->since >= options_.retry) {
    Counter& counter = *resting_.begin()->second;
    Leave(counter);
    Advance(counter);
  }
  StartReads();
  TellWaiting();
  for (Counter* const counter : std::exchange(later_, {})) Tell(*counter);
}

// Of reads and writes that are due, the kind that was not the last one is next: neither is held up
// by many of the other.
void Counters::Advance(Counter& counter) {
  if (counter.step != Step::kIdle) return;
  if (counter.loaded) {
    counter.wanted = counter.wanted.Beyond(counter.known);
    if (counter.wanted.empty()) Settle(counter);
  }
  const bool reads = !counter.loaded || counter.asking > 0;
  const bool writes = counter.loaded && !counter.wanted.empty();
  if (writes && !(reads && counter.wrote_last)) return StartWrite(counter);
  if (!reads) return DropIfIdle(counter);
  Place(counter, Step::kQueued);
  StartReads();
}

void Counters::Place(Counter& counter, Step step) {
  counter.step = step;
  counter.since = now_;
  counter.place = next_number_++;
  (step == Step::kQueued ? queue_ : resting_).emplace(counter.place, &counter);
}

void Counters::Leave(Counter& counter) {
  if (counter.step == Step::kQueued) queue_.erase(counter.place);
  if (counter.step == Step::kResting) resting_.erase(counter.place);
  counter.step = Step::kIdle;
}

// ---- Reading ----

void Counters::StartReads() {
  while (!queue_.empty() && reads_ < options_.reads_max) {
    Counter& next = *queue_.begin()->second;
    // Interest is confirmed in the order in which it came.
    if (!source_.Confirmed(next.interest)) return;
    Leave(next);
    StartRead(next);
  }
}

void Counters::StartRead(Counter& counter) {
  counter.step = Step::kReading;
  counter.stale = false;
  for (auto& [connection, subscriber] : counter.subscribers) {
    if (subscriber.asked == Subscriber::Asked::kWaiting) {
      subscriber.asked = Subscriber::Asked::kReading;
    }
  }
  counter.asking = 0;
  ++reads_;
  reader_.ReadCounter(counter.name,
                      [this, name = counter.name, stream = counter.stream](
                          const StatusOr<std::string>& answer) { OnState(name, stream, answer); });
}

void Counters::OnState(const std::string& name, uint64_t stream,
                       const StatusOr<std::string>& answer) {
  --reads_;
  const auto state =
      answer.ok() ? crdt::PnCounter::Decode(*answer) : StatusOr<crdt::PnCounter>(answer.status());
  probe_.Read(state.ok());
  if (Counter* const counter = Find(name, stream)) {
    counter->step = Step::kIdle;
    counter->wrote_last = false;
    state.ok() ? Load(*counter, *state) : ReadFailed(*counter);
  }
  StartReads();
}

void Counters::Load(Counter& counter, const crdt::PnCounter& state) {
  using Asked = Subscriber::Asked;
  if (counter.stale) {
    for (auto& [connection, subscriber] : counter.subscribers) {
      if (subscriber.asked != Asked::kReading) continue;
      subscriber.asked = Asked::kWaiting;
      ++counter.asking;
    }
    return Advance(counter);
  }
  if (std::exchange(counter.lost, false)) Heal(counter, state);
  if (counter.known.Merge(state)) Grown(counter);
  counter.loaded = true;
  for (auto& [connection, subscriber] : counter.subscribers) {
    if (subscriber.asked != Asked::kReading) continue;
    subscriber.asked = Asked::kNo;
    if (subscriber.readable) SendResponse(counter, *connection, subscriber);
  }
  TellSoon(counter);
  Encode(counter);
  if (counter.syncing > 0 && !Fits(counter, {})) {
    GiveUp(counter, kTooLarge, "too many nodes have counted");
  }
  Advance(counter);
}

// What the cluster has lost is not known any more, but wanted.
void Counters::Heal(Counter& counter, const crdt::PnCounter& state) {
  const crdt::PnCounter lost = counter.known.Beyond(state);
  if (lost.empty()) return;
  probe_.Healed(lost.amounts());
  counter.wanted.Merge(lost);
  counter.known = state;
}

void Counters::ReadFailed(Counter& counter) {
  using Asked = Subscriber::Asked;
  for (auto& [connection, subscriber] : counter.subscribers) {
    if (subscriber.asked != Asked::kReading) continue;
    subscriber.asked = Asked::kWaiting;
    ++counter.asking;
    connection->writes().SendError(
        kUnavailable, "counter cannot be read at the moment, still trying: " + counter.name);
  }
  Place(counter, Step::kResting);
  DropIfIdle(counter);
}

// Reads that cannot begin.
void Counters::TellWaiting() {
  while (!queue_.empty() && now_ - queue_.begin()->second->since >= options_.wait_limit) {
    Counter& counter = *queue_.begin()->second;
    for (auto& [connection, subscriber] : counter.subscribers) {
      if (subscriber.asked != Subscriber::Asked::kWaiting) continue;
      connection->writes().SendError(
          kUnavailable, "counter cannot be read at the moment, still trying: " + counter.name);
    }
    Leave(counter);
    Place(counter, Step::kQueued);
  }
}

// ---- Writing ----

void Counters::StartWrite(Counter& counter) {
  counter.step = Step::kWriting;
  std::vector<CountedNode> nodes = TakeNodes(counter.wanted, options_.nodes_per_write);
  const std::span<const CountedNode> written(nodes);
  context_->detached.Count(
      counter.name, written,
      [this, name = counter.name, stream = counter.stream,
       nodes](std::span<const OpOutcome> outcomes) { OnWritten(name, stream, nodes, outcomes); });
}

void Counters::OnWritten(const std::string& name, uint64_t stream,
                         std::span<const CountedNode> nodes, std::span<const OpOutcome> outcomes) {
  Counter* const counter = Find(name, stream);
  if (counter == nullptr) return;
  counter->step = Step::kIdle;
  counter->wrote_last = true;
  bool grown = false;
  bool refused = false;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto& [node, counted] = nodes[i];
    if (outcomes[i] == OpOutcome::kApplied) {
      grown = counter->known.Raise(node, counted.positive, counted.negative) || grown;
    } else if (outcomes[i] == OpOutcome::kOverloaded) {
      counter->wanted.Raise(node, counted.positive, counted.negative);
      refused = true;
    }
  }
  if (grown) Grown(*counter);
  counter->attempts = refused ? counter->attempts + 1 : 0;
  if (!refused) return Advance(*counter);
  probe_.WriteRetried();
  if (counter->attempts < options_.write_attempts_max) return Place(*counter, Step::kResting);
  GiveUp(*counter, kTooManyRequests, "counter cannot be written at the moment, send it again");
  Advance(*counter);
}

void Counters::GiveUp(Counter& counter, int64_t code, std::string_view text) {
  probe_.GivenUp();
  counter.wanted = {};
  counter.attempts = 0;
  const std::string message = std::string(text).append(": ").append(counter.name);
  for (auto& [connection, subscriber] : counter.subscribers) {
    if (subscriber.syncing) connection->writes().SendError(code, message);
  }
  Settle(counter);
}

// Nothing is left to be written.
void Counters::Settle(Counter& counter) {
  if (counter.syncing > 0) {
    for (auto& [connection, subscriber] : counter.subscribers) subscriber.syncing = false;
  }
  counter.syncing = 0;
  if (std::exchange(counter.wanted_bytes, 0) > 0) Recount(counter);
}

}  // namespace topgun::gateway
