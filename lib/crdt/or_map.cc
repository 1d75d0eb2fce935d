#include "crdt/or_map.h"

#include <algorithm>
#include <utility>

#include "crdt/hash.h"
#include "msgpack/reader.h"

namespace topgun::crdt {
namespace {

// Strict identity in the sense of JavaScript, where 1 and 1.0 are one number and NaN equals
// nothing. Containers, which JavaScript compares by reference, count as the same when their bytes
// are.
bool IsIdentical(std::string_view a, std::string_view b) {
  const auto is_number = [](std::string_view value) {
    const msgpack::Type type = msgpack::Reader(value).Peek();
    return type == msgpack::Type::kInt || type == msgpack::Type::kFloat;
  };
  if (!is_number(a) || !is_number(b)) return a == b;
  double number_a = 0;
  double number_b = 0;
  return msgpack::Reader(a).ReadNumber(&number_a) && msgpack::Reader(b).ReadNumber(&number_b) &&
         number_a == number_b;
}

OrRecord* FindTag(std::vector<OrRecord>& records, std::string_view tag) {
  const auto found = std::find_if(records.begin(), records.end(),
                                  [tag](const OrRecord& record) { return record.tag == tag; });
  return found == records.end() ? nullptr : &*found;
}

}  // namespace

StatusOr<OrRecord> OrMap::Add(std::string_view key, std::string value,
                              std::optional<double> ttl_ms) {
  OrRecord record{std::move(value), clock_.Tick(), {}, ttl_ms};
  if (ttl_ms.has_value() && !IsValidTtl(*ttl_ms)) {
    return InvalidArgument("ttlMs is not a finite number above 0");
  }
  record.tag = ToString(record.timestamp.view());
  Insert(key, Ensure(key), record);
  return record;
}

std::vector<std::string> OrMap::RemoveValue(std::string_view key, std::string_view value) {
  std::vector<std::string> tags;
  for (const OrRecord& record : RecordsOf(key)) {
    if (IsIdentical(record.value, value)) tags.push_back(record.tag);
  }
  for (const std::string& tag : tags) AddTombstone(tag, key);
  EraseRecords(key, [this](const OrRecord& record) { return IsTombstone(record.tag); });
  return tags;
}

bool OrMap::Apply(std::string_view key, OrRecord record) {
  if (IsTombstone(record.tag)) {
    Attribute(record.tag, key);
    return false;
  }
  clock_.Observe(record.timestamp.view());
  Records& records = Ensure(key);
  if (OrRecord* known = FindTag(records, record.tag); known != nullptr) {
    *known = std::move(record);
    Touch(key);
  } else {
    Insert(key, records, std::move(record));
  }
  return true;
}

void OrMap::ApplyTombstone(std::string_view tag, std::optional<std::string_view> key) {
  AddTombstone(tag, key);
  KillRecord(tag);
}

OrMap::MergeCounts OrMap::MergeKey(std::string_view key, std::span<const OrRecord> records,
                                   std::span<const std::string> tombstones) {
  for (const std::string& tag : tombstones) {
    AddTombstone(tag, std::nullopt);
    if (role_ == Role::kServer) KillRecord(tag);
  }
  EraseRecords(key, [this](const OrRecord& record) { return IsTombstone(record.tag); });

  MergeCounts counts;
  for (const OrRecord& record : records) {
    if (IsTombstone(record.tag)) {
      Attribute(record.tag, key);
      continue;
    }
    clock_.Observe(record.timestamp.view());
    Records& stored = Ensure(key);
    OrRecord* known = FindTag(stored, record.tag);
    if (known == nullptr) {
      Insert(key, stored, record);
      ++counts.added;
    } else if (CompareLww(known->timestamp.view(), record.timestamp.view()) ==
               MergeOutcome::kApplied) {
      *known = record;
      Touch(key);
      ++counts.updated;
    }
  }
  return counts;
}

void OrMap::MergeMap(const OrMap& other) {
  for (const auto& [tag, key] : other.tombstones_) ApplyTombstone(tag, key);
  for (const auto& [key, records] : other.records_) {
    for (const OrRecord& record : records) {
      if (IsTombstone(record.tag)) {
        Attribute(record.tag, key);
        continue;
      }
      clock_.Observe(record.timestamp.view());
      Records& stored = Ensure(key);
      if (FindTag(stored, record.tag) == nullptr) Insert(key, stored, record);
    }
  }
}

std::vector<std::string> OrMap::Prune(const TimestampView& older_than) {
  std::vector<std::string> tags;
  for (auto it = tombstones_.begin(); it != tombstones_.end();) {
    const auto& [tag, key] = *it;
    const StatusOr<Timestamp> timestamp = ParseTimestamp(tag);
    if (!timestamp.ok() || !(timestamp->view() < older_than)) {
      ++it;
      continue;
    }
    if (key.has_value()) {
      const auto of_key = tombstones_by_key_.find(*key);
      of_key->second.erase(tag);
      if (of_key->second.empty()) tombstones_by_key_.erase(of_key);
      Touch(*key);
    }
    tags.push_back(tag);
    it = tombstones_.erase(it);
  }
  return tags;
}

void OrMap::Clear() {
  records_.clear();
  keys_by_tag_.clear();
  tombstones_.clear();
  tombstones_by_key_.clear();
  dirty_.clear();
  tree_.Clear();
}

std::span<const OrRecord> OrMap::RecordsOf(std::string_view key) const {
  const auto it = records_.find(key);
  if (it == records_.end()) return {};
  return it->second;
}

std::vector<const OrRecord*> OrMap::VisibleRecords(std::string_view key, int64_t now_ms) const {
  std::vector<const OrRecord*> visible;
  for (const OrRecord& record : RecordsOf(key)) {
    if (IsTombstone(record.tag)) continue;
    if (!IsExpired(record.timestamp.millis, record.ttl_ms, now_ms)) visible.push_back(&record);
  }
  return visible;
}

std::vector<std::string> OrMap::TombstonesOf(std::string_view key) const {
  const auto it = tombstones_by_key_.find(key);
  if (it == tombstones_by_key_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

std::vector<std::string> OrMap::tombstones() const {
  std::vector<std::string> tags;
  tags.reserve(tombstones_.size());
  for (const auto& [tag, key] : tombstones_) tags.push_back(tag);
  std::sort(tags.begin(), tags.end());
  return tags;
}

const MerkleTree& OrMap::tree() {
  for (const std::string& key : dirty_) RefreshItem(key);
  dirty_.clear();
  return tree_;
}

OrMap::Records& OrMap::Ensure(std::string_view key) {
  const auto it = records_.find(key);
  return it != records_.end() ? it->second : records_.try_emplace(std::string(key)).first->second;
}

void OrMap::Insert(std::string_view key, Records& records, OrRecord record) {
  keys_by_tag_.emplace(record.tag, key);
  records.push_back(std::move(record));
  Touch(key);
}

template <typename Predicate>
void OrMap::EraseRecords(std::string_view key, Predicate dead) {
  const auto it = records_.find(key);
  if (it == records_.end()) return;
  Records& records = it->second;
  const auto first_dead = std::stable_partition(
      records.begin(), records.end(), [&](const OrRecord& record) { return !dead(record); });
  if (first_dead == records.end()) return;
  for (auto record = first_dead; record != records.end(); ++record) {
    auto [entry, end] = keys_by_tag_.equal_range(record->tag);
    while (entry != end && entry->second != key) ++entry;
    if (entry != end) keys_by_tag_.erase(entry);
  }
  records.erase(first_dead, records.end());
  Touch(key);
  if (records.empty()) records_.erase(it);
}

void OrMap::AddTombstone(std::string_view tag, std::optional<std::string_view> key) {
  if (!IsTombstone(tag)) tombstones_.try_emplace(std::string(tag));
  if (role_ == Role::kClient) return;
  // Where the record is says more than what the sender claims.
  const auto stored = keys_by_tag_.find(std::string(tag));
  if (stored != keys_by_tag_.end()) {
    Attribute(tag, stored->second);
  } else if (key.has_value()) {
    Attribute(tag, *key);
  }
}

void OrMap::Attribute(std::string_view tag, std::string_view key) {
  if (role_ == Role::kClient) return;
  std::optional<std::string>& owner = tombstones_.find(tag)->second;
  if (owner.has_value()) return;
  owner = std::string(key);
  tombstones_by_key_[*owner].emplace(tag);
  Touch(key);
}

void OrMap::KillRecord(std::string_view tag) {
  const std::string dead_tag(tag);  // `tag` may point into the record that goes
  std::vector<std::string> keys;
  const auto [begin, end] = keys_by_tag_.equal_range(dead_tag);
  for (auto entry = begin; entry != end; ++entry) keys.push_back(entry->second);
  for (const std::string& key : keys) {
    EraseRecords(key, [&dead_tag](const OrRecord& record) { return record.tag == dead_tag; });
  }
}

void OrMap::Touch(std::string_view key) { dirty_.emplace(key); }

void OrMap::RefreshItem(const std::string& key) {
  std::vector<OrRecordView> views;
  for (const OrRecord& record : RecordsOf(key)) {
    views.push_back({record.value, record.timestamp.view(), record.tag, record.ttl_ms.has_value(),
                     record.ttl_ms.value_or(0)});
  }
  if (views.empty() && !tombstones_by_key_.contains(key)) {
    tree_.Remove(key);
  } else {
    tree_.Update(key, OrItemHash(key, views));
  }
}

}  // namespace topgun::crdt
