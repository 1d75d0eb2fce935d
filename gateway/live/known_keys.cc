#include "live/known_keys.h"

#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "base/status.h"

namespace topgun::gateway {

uint64_t KnownKeys::HashOf(std::string_view key) { return absl::HashOf(ToAbsl(key)); }

bool KnownKeys::Add(std::string_view /*rank*/, std::string_view key, std::string_view /*value*/) {
  Insert(HashOf(key));
  return true;
}

void KnownKeys::Insert(uint64_t hash) {
  if (blind_ || !keys_.insert(hash).second) return;
  budget_.bytes += kKeyBytes;
  if (keys_.size() <= keys_max_ && budget_.Fits(0)) return;
  GoBlind();
}

void KnownKeys::GoBlind() {
  Clear();
  blind_ = true;
  ++budget_.blind_sets;
}

void KnownKeys::Clear() {
  budget_.bytes -= bytes();
  keys_ = {};
}

void KnownKeys::Apply(const RowChange& change, RowUpdates& updates) {
  const uint64_t hash = HashOf(change.key);
  const bool was_shown = blind_ ? change.was_live : keys_.contains(hash);
  if (!change.selected) {
    if (!was_shown) return;
    if (keys_.erase(hash) > 0) budget_.bytes -= kKeyBytes;
    return updates.push_back(
        {.change = wire::ChangeType::kLeave, .key = std::string(change.key), .value = {}});
  }
  if (!was_shown) Insert(hash);
  updates.push_back({.change = was_shown ? wire::ChangeType::kUpdate : wire::ChangeType::kEnter,
                     .key = std::string(change.key),
                     .value = change.value});
}

void KnownKeys::Succeed(ResultSet& earlier, RowUpdates& /*updates*/) {
  auto& keys = static_cast<KnownKeys&>(earlier);
  if (keys.blind_ && !blind_) GoBlind();
  for (const uint64_t hash : keys.keys_) Insert(hash);
}

bool KnownKeys::Holds(std::string_view key) const { return blind_ || keys_.contains(HashOf(key)); }

}  // namespace topgun::gateway
