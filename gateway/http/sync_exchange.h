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
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/access.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "crdt/hybrid_logical_clock.h"
#include "dispatch/detached_writes.h"
#include "dispatch/io.h"
#include "http/byte_arena.h"
#include "http/equality_filter.h"
#include "http/http.h"
#include "http/read_gate.h"
#include "http/sync_deltas.h"
#include "http/sync_page.h"
#include "wire/http_sync.h"

namespace topgun::gateway {

struct SyncOptions {
  std::string node_id = "gateway";  // of server timestamps, [a-z0-9-]
  size_t operations_max = 10'000;
  size_t maps_max = 100;
  size_t queries_max = 100;
  size_t rows_max = 10'000;                    // of one query in one answer
  size_t read_bytes_max = size_t{8} << 20;     // of one map or query in one answer
  size_t answer_bytes_max = size_t{32} << 20;  // of all of them; what is cut goes on by page
  // For the whole exchange; shorter than the router's patience.
  std::chrono::milliseconds patience{25'000};
  // How long policies are waited for that are not read yet.
  std::chrono::milliseconds access_patience{5'000};
  wire::OpLimits op_limits = {};
  ReadGateLimits reads;
};

// What the exchanges of a loop share. All references outlive them.
struct SyncServices {
  const AccessControl& access;
  DetachedWrites& writes;
  TreeReader& trees;
  MapReader& maps;
  const WallClock& clock;
};

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
  struct Query {
    EqualityFilter filter;
    std::optional<SyncPage> page;
    bool answered = false;
  };
  struct MapDelta {
    DeltaStart start;
    Delta delta;
    bool answered = false;
  };
  enum class Phase : uint8_t { kAccess, kWriting, kReading, kDone };

  bool Decode();
  bool AccessKnown() const;
  Decision MayWrite(const wire::Op& op) const;
  Decision MayRead(std::string_view map) const;

  void Write();
  std::string RefusalOf(size_t index, int64_t* code) const;
  void OnWritten(std::span<const OpOutcome> outcomes);
  void Acknowledge();

  void Read();
  void StartDelta(size_t index);
  void ReadDelta(size_t index, int64_t since_ms);
  void OnDelta(size_t index, const std::shared_ptr<const TreeAnswer>& answer);
  size_t BytesPerRead() const;
  void StartQuery(size_t index);
  bool PrepareQuery(size_t index);
  void OnSnapshot(size_t index, const std::shared_ptr<const MapSnapshot>& snapshot);
  void ReadWholeMap(size_t index);
  void OnWholeMap(size_t index, const std::shared_ptr<const TreeAnswer>& answer);
  // Runs a read through the gate; its failure is reported with `context`.
  template <typename Answer, typename Start>
  void RunRead(std::string_view context, Start start,
               std::function<void(SyncExchange&, const std::shared_ptr<const Answer>&)> done);
  void EndRead();

  void AddError(int64_t code, std::string message, std::string_view context = {});
  void AddReadError(const Status& status, std::string_view context);
  void Finish();
  void KeepPage(Query& query);
  void AddQueryResult(size_t index);

  const SyncOptions& options_;
  const SyncServices& services_;
  ReadGate& gate_;
  crdt::HybridLogicalClock& hlc_;
  const Principal principal_;
  const std::string body_;
  Respond respond_;
  wire::SyncRequest request_;    // borrows from the body
  std::vector<size_t> written_;  // indices of the operations that were submitted
  std::deque<MapDelta> deltas_;  // like request_.sync_maps
  std::deque<Query> queries_;    // like request_.queries
  // What the response borrows: whole maps are not held on to.
  std::deque<std::string> texts_;
  ByteArena arena_;
  wire::SyncResponse response_;
  Phase phase_ = Phase::kAccess;
  size_t open_reads_ = 0;
  Time access_deadline_;
  Time deadline_;
};

}  // namespace topgun::gateway
