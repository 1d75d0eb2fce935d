// What an OP_ACK may say (core.md 5.3).
//
// `lastId` makes the client delete every smaller id. Therefore it only ever names the end of a
// contiguous run of finished ops; everything behind a refused op is named in `results`. Ops that
// no ack covers although later ones are through are holes: those given up (429), and those whose
// deadline passed before they were applied (504). Until a hole has been sent again and finished,
// acks name every op in `results` and leave `lastId` where it was.
//
// `achievedLevel` is the lowest that the acknowledged ops have reached. Ops that asked for a level
// themselves are named in `results` with their own. What has been told already, because a deadline
// had passed, is not told again.
//
// Belongs to an AckLedger; not thread-safe. A composed ack is valid until the next one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "dispatch/concern_stats.h"
#include "dispatch/op_records.h"
#include "wire/server_frame.h"

namespace topgun::gateway {

class AckComposer {
 public:
  AckComposer(const OpRecords& records, ConcernStats& stats) : records_(records), stats_(stats) {}

  void AddHole(const OpIdentity& identity) { holes_.insert(identity); }
  // The op was acknowledged after all.
  void CloseHole(const OpIdentity& identity) { holes_.erase(identity); }
  // The op came again with this frame, whose ack will cover it.
  void OnSentAgain(const OpIdentity& identity, uint64_t frame) {
    if (!holes_.empty() && holes_.erase(identity) > 0) covered_from_ = frame;
  }
  size_t holes() const { return holes_.size(); }

  // The ack of frame `number`, whose ops are finished or refused; `own_ops` are the numbers from
  // which on ops came with it, `last` tells that no other frame waits. Null when all has been said.
  const wire::OpAckFrame* Compose(const PendingFrame& frame, uint64_t number, uint64_t own_ops,
                                  bool last);

  // An ack of single ops, out of the order of frames.
  void BeginResults();
  void AddResult(uint64_t op);
  // Null when no op was added.
  const wire::OpAckFrame* Results();

 private:
  bool ComposeResults(const PendingFrame& frame, uint64_t number, bool last);
  std::string_view LastIdAfter(const OpRecord* record, uint64_t number, bool last);
  void Acknowledged(wire::WriteConcern level);

  const OpRecords& records_;
  ConcernStats& stats_;
  absl::flat_hash_set<OpIdentity> holes_;
  uint64_t covered_from_ = 0;  // acks of earlier frames have holes that are no longer in `holes_`
  std::string last_acked_ = "0";
  wire::OpAckFrame ack_;  // reused
};

}  // namespace topgun::gateway
