// The reads of one POST /sync (core.md 9.1), all at once: deltas of maps and pages of queries. Each
// that cannot be answered becomes an error of the answer.
//
// A part of its exchange, which outlives it but for callbacks of reads: those hold it weakly. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "auth/token_verifier.h"
#include "base/status.h"
#include "http/equality_filter.h"
#include "http/read_gate.h"
#include "http/sync_answer.h"
#include "http/sync_deltas.h"
#include "http/sync_options.h"
#include "http/sync_page.h"
#include "wire/http_sync.h"

namespace topgun::gateway {

class SyncReads : public std::enable_shared_from_this<SyncReads> {
 public:
  // All references outlive the reads. Wishes beyond the limits are taken out of `request`.
  SyncReads(const SyncOptions& options, const SyncServices& services, ReadGate& gate,
            const Principal& principal, wire::SyncRequest& request, SyncAnswer& answer);

  // Calls `done` once, perhaps before it returns, when all have been answered.
  void Begin(std::function<void()> done);
  // Moves what was read into the answer, which borrows from here. What comes later is ignored, and
  // `done` not called any more.
  void End();

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

  bool MayRead(std::string_view map) const;
  void DropExcess();
  void StartDelta(size_t index);
  void ReadDelta(size_t index, int64_t since_ms);
  void OnDelta(size_t index, const std::shared_ptr<const TreeAnswer>& answer);
  size_t BytesPerRead() const;
  void StartQuery(size_t index);
  bool PrepareQuery(size_t index);
  void OnSnapshot(size_t index, const std::shared_ptr<const MapSnapshot>& snapshot);
  void ReadWholeMap(size_t index);
  void OnWholeMap(size_t index, const std::shared_ptr<const TreeAnswer>& answer);
  void KeepPage(Query& query);
  // Runs a read through the gate; its failure is reported with `context`.
  template <typename Answer, typename Start>
  void RunRead(std::string_view context, Start start,
               std::function<void(SyncReads&, const std::shared_ptr<const Answer>&)> done);
  void EndRead();
  void AddReadError(const Status& status, std::string_view context);
  void AddQueryResult(size_t index);

  const SyncOptions& options_;
  const SyncServices& services_;
  ReadGate& gate_;
  const Principal& principal_;
  wire::SyncRequest& request_;
  SyncAnswer& answer_;
  const Tracer::QuestionPtr question_;  // null: not traced
  std::function<void()> done_;          // null before and after
  std::deque<MapDelta> deltas_;         // like request_.sync_maps
  std::deque<Query> queries_;           // like request_.queries
  size_t open_reads_ = 0;
};

}  // namespace topgun::gateway
