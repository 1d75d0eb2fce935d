#include "crdt/lww_map.h"

#include <utility>

#include "crdt/hash.h"
#include "crdt/js_text.h"

namespace topgun::crdt {
namespace {

// Structural equality of two values: same bytes, or at least the same canonical JSON.
bool SameValue(const LwwRecord& a, const LwwRecord& b) {
  if (a.tombstone || b.tombstone) return a.tombstone == b.tombstone;
  if (a.value == b.value) return true;
  std::string text_a;
  std::string text_b;
  AppendCanonicalJson(text_a, a.value);
  AppendCanonicalJson(text_b, b.value);
  return text_a == text_b;
}

}  // namespace

bool IsVisible(const LwwRecord& record, int64_t now_ms) {
  return !record.tombstone && !IsExpired(record.timestamp.millis, record.ttl_ms, now_ms);
}

MergeOutcome LwwMap::Merge(std::string_view key, LwwRecord record) {
  clock_.Observe(record.timestamp.view());
  const LwwRecord* local = Find(key);
  if (local != nullptr) {
    const MergeOutcome outcome = CompareLww(local->timestamp.view(), record.timestamp.view());
    if (outcome != MergeOutcome::kApplied) return outcome;
  }
  Store(key, std::move(record));
  return MergeOutcome::kApplied;
}

StatusOr<const LwwRecord*> LwwMap::Set(std::string_view key, std::string value,
                                       std::optional<double> ttl_ms) {
  Timestamp timestamp = clock_.Tick();
  if (ttl_ms.has_value() && !IsValidTtl(*ttl_ms)) {
    return InvalidArgument("ttlMs is not a finite number above 0");
  }
  return &Store(key, {std::move(value), std::move(timestamp), ttl_ms, false});
}

const LwwRecord& LwwMap::Remove(std::string_view key) {
  return Store(key, {{}, clock_.Tick(), std::nullopt, true});
}

bool LwwMap::AdoptEcho(std::string_view key, const LwwRecord& echo) {
  const LwwRecord* local = Find(key);
  if (local == nullptr || echo.timestamp > local->timestamp || !SameValue(*local, echo)) {
    return false;
  }
  Store(key, echo);
  return true;
}

std::vector<std::string> LwwMap::Prune(const TimestampView& older_than) {
  std::vector<std::string> keys;
  for (auto it = records_.begin(); it != records_.end();) {
    const auto& [key, record] = *it;
    if (!record.tombstone || !(record.timestamp.view() < older_than)) {
      ++it;
      continue;
    }
    tree_.Remove(key);
    keys.push_back(key);
    it = records_.erase(it);
  }
  return keys;
}

void LwwMap::Clear() {
  records_.clear();
  tree_.Clear();
}

const LwwRecord* LwwMap::Find(std::string_view key) const {
  const auto it = records_.find(key);
  return it == records_.end() ? nullptr : &it->second;
}

const LwwRecord& LwwMap::Store(std::string_view key, LwwRecord record) {
  tree_.Update(key, LwwItemHash(key, record.timestamp.view()));
  auto it = records_.find(key);
  if (it == records_.end()) it = records_.try_emplace(std::string(key)).first;
  it->second = std::move(record);
  return it->second;
}

}  // namespace topgun::crdt
