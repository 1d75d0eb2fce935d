// What the generator knows about its own writes: the model that a read-back is compared with.
//
// LWW keys remember the newest acknowledged write (the LWW merge of all acknowledged ones) and
// every write whose fate is unknown: sent but neither acknowledged nor refused for sure when the
// run ended. OR records remember what happened to their tag. Each worker thread fills its own
// ledger; Merge() joins them afterwards. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crdt/timestamp.h"
#include "workload/key_space.h"
#include "workload/op.h"

namespace topgun::loadgen {

// One LWW write, with all that is needed to order and to recognise it.
struct LwwWrite {
  OpStamp stamp;
  uint32_t writer = 0;
  uint64_t op_id = 0;
  bool is_removal = false;
};

struct LwwUncertain {
  uint32_t map = 0;
  uint64_t key = 0;
  LwwWrite write;
};

struct OrTag {
  enum State : uint8_t { kAddAcked = 1, kRemoveSent = 2, kRemoveAcked = 4 };

  int64_t millis = 0;
  uint32_t counter = 0;
  uint16_t map = 0;
  uint8_t state = 0;
};

class Ledger {
 public:
  // `keys` must outlive the ledger and be bounded.
  Ledger(const KeySpace& keys, uint32_t run, uint32_t writers);

  // In the order of the writer's ids. Sets op.tag_index of additions.
  void OnSent(uint32_t writer, Op& op);
  void OnAcked(uint32_t writer, const Op& op);
  // Refused or still unacknowledged at the end: it may or may not have been applied.
  void OnUncertain(uint32_t writer, const Op& op);

  // Takes in the ledger of other writers.
  void Merge(const Ledger& other);

  // The negative control: claims `count` acknowledgements that never happened, so that any correct
  // verification must fail. Returns how many could be claimed.
  uint64_t ClaimPhantomAcks(uint64_t count);

  const KeySpace& keys() const { return keys_; }
  uint32_t run() const { return run_; }
  // Null: nothing acknowledged.
  const LwwWrite* NewestAcked(uint32_t map, uint64_t key) const;
  std::vector<LwwUncertain> UncertainOf(uint32_t map) const;
  // By writer, in the order of their stamps.
  const std::vector<std::vector<OrTag>>& or_tags() const { return or_tags_; }
  // The tag with this stamp; null for tags that this run did not make.
  const OrTag* FindTag(uint32_t writer, const OpStamp& stamp) const;

  // The LWW merge of lib/crdt: would `a` replace `b`?
  bool IsNewer(const LwwWrite& a, const LwwWrite& b) const;

  uint64_t acked_ops() const { return acked_ops_; }

 private:
  size_t Slot(uint32_t map, uint64_t key) const { return map * keys_.keys() + key; }
  void Raise(size_t slot, const LwwWrite& write);

  crdt::TimestampView View(const LwwWrite& write) const;

  const KeySpace& keys_;
  const uint32_t run_;
  std::vector<std::string> node_ids_;   // by writer
  std::vector<LwwWrite> newest_acked_;  // by slot; op_id 0: none
  std::vector<LwwUncertain> uncertain_;
  std::vector<std::vector<OrTag>> or_tags_;
  uint64_t acked_ops_ = 0;
};

}  // namespace topgun::loadgen
