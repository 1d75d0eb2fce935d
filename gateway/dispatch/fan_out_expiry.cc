// FanOut: rows that leave because their TTL has passed. Every live query of the map hears of it,
// the writer's too: nobody's op caused the change.
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/fan_out.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

// Called for changes that no snapshot includes, in their order.
void FanOut::FollowExpiry(Topic& topic, const EncodedChange& change) {
  if (change.expires_ms) return topic.expiries.Set(change.key, *change.expires_ms);
  // A change that does not touch the row (it was gone already) leaves an expiry to come as it is.
  if (change.update != nullptr) topic.expiries.Cancel(change.key);
}

// Rows the snapshot does not list keep their expiries: other queries may still show them, and a
// LEAVE too many does no harm.
void FanOut::LearnExpiries(Topic& topic, const MapSnapshot& snapshot) {
  auto expiry = snapshot.expiries.begin();
  for (size_t row = 0; row < snapshot.rows.size(); ++row) {
    if (expiry != snapshot.expiries.end() && expiry->row == row) {
      topic.expiries.Set(snapshot.rows[row].key, expiry->expires_ms);
      ++expiry;
    } else if (!topic.expiries.empty()) {
      topic.expiries.Cancel(snapshot.rows[row].key);
    }
  }
}

size_t FanOut::HideExpired(Topic& topic, size_t rows_max) {
  const int64_t now_ms = clock_.NowMs();
  size_t rows = 0;
  while (rows < rows_max) {
    const auto key = topic.expiries.PopHidden(now_ms);
    if (!key) break;
    SendLeave(topic, *key);
    ++rows;
  }
  return rows;
}

void FanOut::HideAllExpired() {
  size_t left = options_.expired_per_tick;
  const int64_t now_ms = clock_.NowMs();
  for (const auto& [map, topic] : topics_) {
    left -= HideExpired(*topic, left);
    if (!topic->expiries.TakeOverflow(now_ms)) continue;
    probe_.ExpiryOverflow();
    ReadAgain(*topic);
  }
  const size_t expiring = expiry_budget_.rows;
  probe_.Expiring(static_cast<int64_t>(expiring) - static_cast<int64_t>(expiring_reported_));
  expiring_reported_ = expiring;
}

void FanOut::SendLeave(const Topic& topic, std::string_view key) {
  std::string suffix;
  wire::EncodeQueryUpdateSuffix(key, {}, wire::ChangeType::kLeave, suffix);
  const auto shared = std::make_shared<const std::string>(std::move(suffix));
  for (const auto& [connection, held] : topic.subscribers) {
    for (const Subscription* const subscription : held) {
      if (!subscription->live || subscription->wants == Wants::kEvents) continue;
      probe_.PushSent();
      connection->session().Push({.head = subscription->prefix,
                                  .tail = shared,
                                  .stream = subscription->stream,
                                  .key = key,
                                  .keep = false});
    }
  }
  probe_.RowExpired();
}

}  // namespace topgun::gateway
