// What clients send about counters, and who follows them.
#include "dispatch/counters.h"

#include <algorithm>
#include <utility>

#include "access/access.h"
#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/error_codes.h"
#include "state/keys.h"

namespace topgun::gateway {
namespace {

// What a counter takes up beside its state; what a state takes up in memory and as it is sent, and
// what a frame does once it is decoded, both per byte of the frame.
constexpr size_t kCounterBytes = 1'024;
constexpr size_t kBytesPerStateByte = 4;
constexpr size_t kBytesPerFrameByte = 4;
// Beside the node's name: its length, the number.
constexpr size_t kAmountBytes = 14;
constexpr size_t kSpellings = 2;

// Away from those of live queries, which number theirs from 1.
constexpr uint64_t kCounterStreams = uint64_t{1} << 63U;

constexpr std::string_view kOverloadedText = "server overloaded, try again later";
constexpr std::string_view kPoliciesUnknownText =
    "access policies are not known yet, try again later";

std::string WithName(std::string_view text, std::string_view name) {
  return std::string(text).append(": ").append(name);
}

// What `by` would add to a state.
struct Growth {
  size_t amounts = 0;
  size_t bytes = 0;  // of the frame that tells the state
};

void AddGrowth(const crdt::PnCounter::Amounts& known, const crdt::PnCounter::Amounts& by,
               Growth& growth) {
  for (const auto& [node, amount] : by) {
    if (known.contains(node)) continue;
    ++growth.amounts;
    growth.bytes += kSpellings * (node.size() + kAmountBytes);
  }
}

Growth GrowthOf(const crdt::PnCounter& known, const crdt::PnCounter& by) {
  Growth growth;
  AddGrowth(known.positive(), by.positive(), growth);
  AddGrowth(known.negative(), by.negative(), growth);
  return growth;
}

void RefuseRead(Connection& connection, Decision decision, std::string_view name) {
  if (decision == Decision::kUnknown) {
    return connection.writes().SendError(kUnavailable, kPoliciesUnknownText);
  }
  connection.writes().SendError(kForbidden, WithName("read access denied for counter", name));
}

bool NodesAreShort(const crdt::PnCounter::Amounts& amounts, size_t bytes_max) {
  return std::all_of(amounts.begin(), amounts.end(),
                     [bytes_max](const auto& amount) { return amount.first.size() <= bytes_max; });
}

}  // namespace

void Counters::OnRequest(Connection& connection, const wire::CounterFrame& frame) {
  if (!ValidName(connection, frame.name)) return;
  const Decision decision = context_->gate.CheckRead(connection, frame.name);
  if (decision != Decision::kAllow) return RefuseRead(connection, decision, frame.name);
  if (Follow(connection, frame.name, true) == nullptr) return;
  connection.AfterOwnChanges(
      [this, id = connection.id(), name = std::string(frame.name)] { Ask(id, name); });
}

void Counters::Ask(ConnectionId id, const std::string& name) {
  Connection* const connection = context_->table.Find(id);
  Counter* const counter = Find(name);
  if (connection == nullptr || counter == nullptr) return;
  const auto found = counter->subscribers.find(connection);
  if (found == counter->subscribers.end()) return;
  // A read that is on its way has begun too early.
  if (std::exchange(found->second.asked, Subscriber::Asked::kWaiting) !=
      Subscriber::Asked::kWaiting) {
    ++counter->asking;
  }
  Advance(*counter);
}

void Counters::OnSync(Connection& connection, const wire::CounterFrame& frame) {
  if (!ValidName(connection, frame.name) || !MayWrite(connection, frame)) return;
  if (context_->sink.Overloaded()) {
    return Refuse(connection, CounterLimit::kOverload, kTooManyRequests, kOverloadedText);
  }
  crdt::PnCounter state;
  if (!Decode(connection, frame.state, &state)) return;
  const bool readable = context_->gate.CheckRead(connection, frame.name) == Decision::kAllow;
  Counter* const counter = Follow(connection, frame.name, readable);
  if (counter == nullptr) return;
  TakeOver(connection, *counter, state, frame.state.size());
  Advance(*counter);
}

bool Counters::ValidName(Connection& connection, std::string_view name) const {
  const std::string problem = wire::ValidateMapName(name, context_->options.op_limits);
  if (!problem.empty()) connection.writes().SendError(kBadRequest, problem);
  return problem.empty();
}

bool Counters::MayWrite(Connection& connection, const wire::CounterFrame& frame) const {
  const AccessControl& access = context_->access;
  if (access.state() == AccessControl::State::kUnknown) {
    context_->probe.FrameDropped(DropReason::kPoliciesUnknown);
    connection.writes().SendError(kTooManyRequests, kPoliciesUnknownText);
    return false;
  }
  if (access.open() || access.Check(connection.principal(), Action::kWrite, frame.name,
                                    frame.state) == Decision::kAllow) {
    return true;
  }
  connection.writes().SendError(kForbidden,
                                WithName("write access denied for counter", frame.name));
  return false;
}

bool Counters::Decode(Connection& connection, std::string_view state, crdt::PnCounter* out) {
  auto decoded = crdt::PnCounter::Decode(state, kSpellings * options_.amounts_max);
  if (decoded.status().code() == StatusCode::kResourceExhausted) {
    Refuse(connection, CounterLimit::kSize, kTooLarge, Message(decoded.status()));
    return false;
  }
  const size_t node_bytes_max = context_->options.op_limits.node_bytes_max;
  if (!decoded.ok() || !NodesAreShort(decoded->positive(), node_bytes_max) ||
      !NodesAreShort(decoded->negative(), node_bytes_max)) {
    connection.writes().SendError(
        kBadRequest, decoded.ok() ? "state: node id too long" : "state: not a counter state");
    return false;
  }
  *out = *std::move(decoded);
  return true;
}

void Counters::TakeOver(Connection& connection, Counter& counter, const crdt::PnCounter& state,
                        size_t frame_bytes) {
  Subscriber& subscriber = counter.subscribers.find(&connection)->second;
  const crdt::PnCounter news = state.Beyond(counter.known);
  if (news.empty()) {
    subscriber.sent = 0;
    if (counter.loaded && subscriber.readable) SendUpdate(counter, connection, subscriber);
    return;
  }
  if (!Fits(counter, news.Beyond(counter.wanted))) {
    return Refuse(connection, CounterLimit::kSize, kTooLarge,
                  WithName("too many nodes have counted", counter.name));
  }
  if (bytes_ >= options_.bytes_max) {
    return Refuse(connection, CounterLimit::kMemory, kTooManyRequests, kOverloadedText);
  }
  counter.wanted.Merge(news);
  counter.wanted_bytes += kBytesPerFrameByte * frame_bytes;
  if (!std::exchange(subscriber.syncing, true)) ++counter.syncing;
  Recount(counter);
}

void Counters::Refuse(Connection& connection, CounterLimit limit, int64_t code,
                      std::string_view text) {
  probe_.Refused(limit);
  if (limit == CounterLimit::kOverload) context_->probe.FrameDropped(DropReason::kOverloaded);
  connection.writes().SendError(code, text);
}

bool Counters::Fits(const Counter& counter, const crdt::PnCounter& news) const {
  const Growth wanted = GrowthOf(counter.known, counter.wanted);
  const Growth by_news = GrowthOf(counter.known, news);
  const size_t amounts = wanted.amounts + by_news.amounts;
  if (amounts == 0) return true;  // who counts already goes on
  const size_t known_bytes = counter.update == nullptr ? 0 : counter.update->size();
  return counter.known.amounts() + amounts <= options_.amounts_max &&
         known_bytes + wanted.bytes + by_news.bytes <= options_.state_bytes_max;
}

// ---- Life of counters ----

Counters::Counter* Counters::Follow(Connection& connection, std::string_view name, bool readable) {
  Counter* counter = Find(name);
  if (counter != nullptr) {
    const auto known = counter->subscribers.find(&connection);
    if (known != counter->subscribers.end()) {
      known->second.readable = readable;
      return counter;
    }
  }
  const auto own = by_connection_.find(&connection);
  if (own != by_connection_.end() && own->second.size() >= options_.per_connection_max) {
    Refuse(connection, CounterLimit::kPerConnection, kTooManyRequests, "too many counters");
    return nullptr;
  }
  if (counter == nullptr && bytes_ >= options_.bytes_max) {
    Refuse(connection, CounterLimit::kMemory, kTooManyRequests, kOverloadedText);
    return nullptr;
  }
  if (counter == nullptr) counter = &Make(name);
  counter->subscribers[&connection].readable = readable;
  by_connection_[&connection].push_back(counter);
  probe_.Subscriptions(1);
  return counter;
}

Counters::Counter* Counters::Find(std::string_view name) const {
  const auto found = counters_.find(name);
  return found == counters_.end() ? nullptr : found->second.get();
}

Counters::Counter* Counters::Find(std::string_view name, uint64_t stream) const {
  Counter* const counter = Find(name);
  return counter != nullptr && counter->stream == stream ? counter : nullptr;
}

Counters::Counter& Counters::Make(std::string_view name) {
  auto made = std::make_unique<Counter>();
  Counter& counter = *made;
  counter.name.assign(name);
  counter.shard = state::ShardOf(name, context_->sink.shard_count());
  counter.stream = kCounterStreams | next_number_++;
  counter.interest = source_.AddInterest(counter.name);
  counters_.emplace(counter.name, std::move(made));
  probe_.Counters(1);
  Recount(counter);
  return counter;
}

void Counters::DropIfIdle(Counter& counter) {
  const bool waits = counter.step == Step::kReading || counter.step == Step::kWriting;
  if (waits || !counter.subscribers.empty() || !counter.wanted.empty()) return;
  Leave(counter);
  ready_.erase(&counter);
  later_.erase(&counter);
  source_.RemoveInterest(counter.name);
  bytes_ -= counter.counted_bytes;
  probe_.Bytes(-static_cast<int64_t>(counter.counted_bytes));
  probe_.Counters(-1);
  counters_.erase(counters_.find(counter.name));
}

void Counters::Recount(Counter& counter) {
  const size_t state_bytes = counter.update == nullptr ? 0 : counter.update->size();
  const size_t bytes =
      kCounterBytes + counter.name.size() + kBytesPerStateByte * state_bytes + counter.wanted_bytes;
  bytes_ += bytes - counter.counted_bytes;
  probe_.Bytes(static_cast<int64_t>(bytes) - static_cast<int64_t>(counter.counted_bytes));
  counter.counted_bytes = bytes;
}

void Counters::Forget(Connection& connection) {
  const auto found = by_connection_.find(&connection);
  if (found == by_connection_.end()) return;
  const std::vector<Counter*> own = std::move(found->second);
  by_connection_.erase(found);
  probe_.Subscriptions(-static_cast<int64_t>(own.size()));
  for (Counter* const counter : own) {
    const auto subscriber = counter->subscribers.find(&connection);
    if (subscriber->second.asked == Subscriber::Asked::kWaiting) --counter->asking;
    if (subscriber->second.syncing) --counter->syncing;
    counter->subscribers.erase(subscriber);
    DropIfIdle(*counter);
  }
}

void Counters::Recheck() {
  for (const auto& [name, counter] : counters_) {
    for (auto& [connection, subscriber] : counter->subscribers) {
      SetReadable(*counter, *connection, subscriber);
    }
  }
}

void Counters::SetReadable(Counter& counter, Connection& connection, Subscriber& subscriber) {
  const Decision decision = context_->gate.CheckRead(connection, counter.name);
  const bool readable = decision == Decision::kAllow;
  if (std::exchange(subscriber.readable, readable) == readable) return;
  if (readable) return TellSoon(counter);
  RefuseRead(connection, decision, counter.name);
}

}  // namespace topgun::gateway
