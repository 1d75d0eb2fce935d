// One POST /sync from its body to its answer (core.md 9.1).
//
// First the writes, as one batch: operations that are refused (invalid, or not allowed) are
// reported, the others are applied, and only if none failed there is an `ack`. Then all reads at
// once, so that they see the writes: deltas and queries. What cannot be done becomes an entry of
// `errors`; the status stays 200. When the time is over, what is missing is reported as an error
// and the rest is sent.
//
// Kept by its endpoint until it has answered; callbacks hold it weakly. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "access/access.h"
#include "auth/token_verifier.h"
#include "crdt/hybrid_logical_clock.h"
#include "http/http.h"
#include "http/read_gate.h"
#include "http/sync_answer.h"
#include "http/sync_options.h"
#include "http/sync_reads.h"
#include "wire/http_sync.h"

namespace topgun::gateway {

class SyncExchange : public std::enable_shared_from_this<SyncExchange> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  SyncExchange(const SyncOptions& options, const SyncServices& services, ReadGate& gate,
               crdt::HybridLogicalClock& hlc, Principal principal, std::string body,
               Respond respond);

  void Begin(Time now);
  // Looks at policies again, and at the time.
  void Tick(Time now);

 private:
  enum class Phase : uint8_t { kAccess, kWriting, kReading, kDone };

  bool Decode();
  bool AccessKnown() const;
  Decision MayWrite(const wire::Op& op) const;

  void Write();
  std::string RefusalOf(size_t index, int64_t* code) const;
  void OnWritten(std::span<const OpOutcome> outcomes);
  void Acknowledge();

  void Read();
  void Finish();

  const SyncOptions& options_;
  const SyncServices& services_;
  ReadGate& gate_;
  crdt::HybridLogicalClock& hlc_;
  const Principal principal_;
  const std::string body_;
  const Tracer::QuestionPtr question_;  // null: not traced
  Respond respond_;
  wire::SyncRequest request_;    // borrows from the body
  std::vector<size_t> written_;  // indices of the operations that were submitted
  SyncAnswer answer_;
  std::shared_ptr<SyncReads> reads_;  // null before
  Phase phase_ = Phase::kAccess;
  Time access_deadline_;
  Time deadline_;
};

}  // namespace topgun::gateway
