#include "merkle/replica.h"

#include <algorithm>
#include <utility>

#include "crdt/hash.h"
#include "crdt/string_map.h"
#include "crdt/timestamp.h"
#include "wire/client_encode.h"

namespace topgun::loadgen {
namespace {

class LwwReplica final : public Replica {
 public:
  std::unique_ptr<Replica> Clone() const override {
    auto copy = std::make_unique<LwwReplica>();
    for (const auto& [key, clock] : clocks_) copy->Store(key, clock);
    return copy;
  }

  std::vector<KeyAge> Keys() const override {
    std::vector<KeyAge> keys;
    keys.reserve(clocks_.size());
    for (const auto& [key, clock] : clocks_) keys.push_back({key, clock.millis, clock.counter});
    return keys;
  }

  void Forget(const std::string& key) override {
    clocks_.erase(key);
    tree_.Remove(key);
  }

  void Clear() override {
    clocks_.clear();
    tree_.Clear();
  }

  size_t MergeLeaf(const wire::ServerFrame& leaf, std::string& /*push*/) override {
    for (const wire::LwwEntry& entry : leaf.sync_leaf.records) {
      const auto held = clocks_.find(entry.key);
      if (held != clocks_.end() && held->second.view() >= entry.record.timestamp) continue;
      Store(std::string(entry.key), crdt::Timestamp(entry.record.timestamp));
    }
    return leaf.sync_leaf.records.size();
  }

 private:
  void Store(const std::string& key, const crdt::Timestamp& clock) {
    tree_.Update(key, crdt::LwwItemHash(key, clock.view()));
    clocks_.insert_or_assign(key, clock);
  }

  crdt::StringMap<crdt::Timestamp> clocks_;
};

class OrReplica final : public Replica {
 public:
  std::unique_ptr<Replica> Clone() const override {
    auto copy = std::make_unique<OrReplica>();
    for (const auto& [key, records] : records_) {
      copy->records_.emplace(key, records);
      copy->Rehash(key, records);
    }
    return copy;
  }

  std::vector<KeyAge> Keys() const override {
    std::vector<KeyAge> keys;
    keys.reserve(records_.size());
    for (const auto& [key, records] : records_) {
      crdt::TimestampView newest;
      for (const Record& record : records) newest = std::max(newest, record.timestamp.view());
      keys.push_back({key, newest.millis, newest.counter});
    }
    return keys;
  }

  void Forget(const std::string& key) override {
    records_.erase(key);
    tree_.Remove(key);
  }

  void Clear() override {
    records_.clear();
    tree_.Clear();
  }

  size_t MergeLeaf(const wire::ServerFrame& leaf, std::string& push) override {
    const wire::OrEntries& entries = leaf.or_map_leaf.entries;
    size_t merged = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      merged += entries.records(i).size();
      MergeKey(std::string(entries.key(i)), entries.records(i), entries.tombstones(i));
    }
    EncodePush(leaf.or_map_leaf.map, entries, push);
    return merged;
  }

 private:
  struct Record {
    std::string value;
    crdt::Timestamp timestamp;
    std::string tag;
    bool has_ttl = false;
    double ttl_ms = 0;

    crdt::OrRecordView view() const { return {value, timestamp.view(), tag, has_ttl, ttl_ms}; }
  };
  using Records = std::vector<Record>;

  static std::vector<crdt::OrRecordView> ViewsOf(const Records& records) {
    std::vector<crdt::OrRecordView> views;
    for (const Record& record : records) views.push_back(record.view());
    return views;
  }

  void MergeKey(const std::string& key, std::span<const crdt::OrRecordView> incoming,
                std::span<const std::string_view> tombstones) {
    Records& records = records_[key];
    for (const crdt::OrRecordView& record : incoming) {
      const bool known = std::any_of(records.begin(), records.end(),
                                     [&](const Record& held) { return held.tag == record.tag; });
      if (known) continue;
      records.push_back({std::string(record.value), crdt::Timestamp(record.timestamp),
                         std::string(record.tag), record.has_ttl, record.ttl_ms});
    }
    std::erase_if(records, [&](const Record& held) {
      return std::find(tombstones.begin(), tombstones.end(), held.tag) != tombstones.end();
    });
    if (records.empty()) return Forget(key);
    Rehash(key, records);
  }

  void Rehash(const std::string& key, const Records& records) {
    tree_.Update(key, crdt::OrItemHash(key, ViewsOf(records)));
  }

  // The stock client pushes every key of the leaf back that still has records. It adds all the
  // tombstones it knows; a replica of the load generator has removed nothing by itself.
  void EncodePush(std::string_view map, const wire::OrEntries& leaf, std::string& push) const {
    wire::OrMapPushDiffFrame frame;
    frame.map = map;
    for (size_t i = 0; i < leaf.size(); ++i) {
      const auto held = records_.find(leaf.key(i));
      if (held == records_.end()) continue;
      frame.entries.AddKey(held->first);
      for (const Record& record : held->second) frame.entries.AddRecord(record.view());
    }
    if (!frame.entries.empty()) wire::EncodeOrMapPushDiff(frame, push);
  }

  crdt::StringMap<Records> records_;
};

}  // namespace

std::unique_ptr<Replica> MakeReplica(bool is_or) {
  if (is_or) return std::make_unique<OrReplica>();
  return std::make_unique<LwwReplica>();
}

}  // namespace topgun::loadgen
