// The ops of one connection that its ack ledger still has to do with, by their numbers.
//
// A record lives until the last frame that contains its op is through and the op's outcome is
// known. Belongs to an AckLedger; not thread-safe.
#pragma once

#include <boost/container/deque.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dispatch/op_identity.h"
#include "dispatch/write_terms.h"
#include "wire/op.h"

namespace topgun::gateway {

struct OpRecord {
  enum class State : uint8_t {
    kOpen,      // its frame waits for it
    kFinished,  // its write concern is met
    kRefused,   // for good
    kLost,      // given up: the client has to send it again
    kAnswered,  // its deadline passed: the client was told how far it had come
    kExpired,   // its deadline passed before it was applied: no ack covers it
  };

  OpIdentity key;           // with the write concern
  uint64_t frame = 0;       // the one that waits for it
  uint64_t last_frame = 0;  // the last one that contains it
  WriteTerms::Time deadline = WriteTerms::kNoDeadline;
  State state = State::kFinished;
  wire::WriteConcern wanted = wire::WriteConcern::kApplied;
  wire::WriteConcern reached = wire::WriteConcern::kFireAndForget;
  bool met = false;          // its concern is, as far as the cluster can
  bool uncommitted = false;  // its outcome is not known yet
  bool named = false;        // the op asked for its level itself
  bool has_id = false;
  bool untold = false;   // refused after it was submitted; the client has not heard why
  bool unusual = false;  // more than a plain finished op is to be said about it
  std::string id;
};

// A frame that waits for its ack.
struct PendingFrame {
  struct Range {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  std::chrono::steady_clock::time_point received;
  std::vector<Range> ranges;  // the numbers of its ops in frame order
  uint64_t new_ops_end = 0;   // numbers below belong to this frame or an earlier one
  uint64_t open = 0;
};

class OpRecords {
 public:
  uint64_t first() const { return first_; }
  uint64_t end() const { return first_ + records_.size(); }
  bool Contains(uint64_t op) const { return op >= first_ && op < end(); }
  OpRecord& At(uint64_t op) { return records_[op - first_]; }
  const OpRecord& At(uint64_t op) const { return records_[op - first_]; }

  // The new op's record; its number is end() - 1.
  OpRecord& Add(const wire::Op& op, uint64_t frame);
  void MarkUnusual(OpRecord& record);
  // Forgets the oldest records whose frames are below `first_frame` and whose outcome is known.
  void Release(uint64_t first_frame);

  // Gives back memory that only load needs.
  void Trim();

  // Why a refused op was refused.
  void SetError(uint64_t op, std::string error) { errors_.emplace(op, std::move(error)); }
  std::string_view ErrorOf(uint64_t op) const { return errors_.at(op); }

  // The number of the op that is in flight under a key, `op` itself when there was none.
  uint64_t InFlight(const OpIdentity& key, uint64_t op) {
    return in_flight_.try_emplace(key, op).first->second;
  }
  void Replace(const OpIdentity& key, uint64_t op) { in_flight_.insert_or_assign(key, op); }
  void Forget(const OpIdentity& key) { in_flight_.erase(key); }
  bool IsInFlight(const OpIdentity& key) const { return in_flight_.contains(key); }

  bool any_unusual() const { return unusual_ > 0; }
  size_t with_id() const { return with_id_; }

 private:
  boost::container::deque<OpRecord> records_;  // owns nothing while it is empty
  uint64_t first_ = 0;
  absl::flat_hash_map<OpIdentity, uint64_t> in_flight_;
  absl::flat_hash_map<uint64_t, std::string> errors_;  // of refused ops, which are rare
  size_t with_id_ = 0;
  size_t unusual_ = 0;
};

}  // namespace topgun::gateway
