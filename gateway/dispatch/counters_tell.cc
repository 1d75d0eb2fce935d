// Counters: what subscribers are told, and when.
#include <string>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/counters.h"
#include "dispatch/error_codes.h"
#include "msgpack/writer.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

void Counters::Grown(Counter& counter) {
  ++counter.version;
  TellSoon(counter);
}

void Counters::TellSoon(Counter& counter) {
  if (counter.told_in == tick_) {
    later_.insert(&counter);
    return;
  }
  ready_.insert(&counter);
  if (std::exchange(telling_, true)) return;
  defer_([this] { TellReady(); });
}

void Counters::TellReady() {
  telling_ = false;
  for (Counter* const counter : std::exchange(ready_, {})) Tell(*counter);
}

// Whoever waits for a response gets all of it with that; a state that is not loaded lacks some.
void Counters::Tell(Counter& counter) {
  if (!counter.loaded) return;
  for (auto& [connection, subscriber] : counter.subscribers) {
    const bool waits = subscriber.asked != Subscriber::Asked::kNo;
    if (waits || !subscriber.readable || subscriber.sent == counter.version) continue;
    SendUpdate(counter, *connection, subscriber);
    counter.told_in = tick_;
  }
}

void Counters::Encode(Counter& counter) {
  if (std::exchange(counter.encoded, counter.version) == counter.version) return;
  std::string state;
  msgpack::Writer writer(state);
  counter.known.EncodeWire(writer);
  std::string frame;
  wire::EncodeCounterUpdate({.name = counter.name, .state = state}, frame);
  counter.update = std::make_shared<const std::string>(std::move(frame));
  counter.response.reset();
  counter.state_bytes = state.size();
  Recount(counter);
}

void Counters::SendUpdate(Counter& counter, Connection& connection, Subscriber& subscriber) {
  Encode(counter);
  subscriber.sent = counter.version;
  if (counter.update->size() > 2 * options_.state_bytes_max) return probe_.TooLargeToSend();
  probe_.UpdateSent();
  connection.session().Push(
      {.head = counter.update, .tail = {}, .stream = counter.stream, .key = {}});
}

// Shared bytes under the limit of pushes: asking again and again costs no memory.
void Counters::SendResponse(Counter& counter, Connection& connection, Subscriber& subscriber) {
  Encode(counter);
  subscriber.sent = counter.version;
  if (counter.update->size() > 2 * options_.state_bytes_max) {
    probe_.TooLargeToSend();
    return connection.writes().SendError(kTooLarge,
                                         "counter is too large to be sent: " + counter.name);
  }
  if (counter.response == nullptr) {
    // Both frames end with the state.
    const std::string_view update(*counter.update);
    std::string frame;
    wire::EncodeCounterResponse(
        {.name = counter.name, .state = update.substr(update.size() - counter.state_bytes)}, frame);
    counter.response = std::make_shared<const std::string>(std::move(frame));
  }
  probe_.UpdateSent();
  connection.session().Push({.head = counter.response, .tail = {}, .key = {}});
}

}  // namespace topgun::gateway
