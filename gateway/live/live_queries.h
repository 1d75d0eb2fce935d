// The live queries of one loop that do more than list a map (features.md 1): who subscribes what,
// which of them a change concerns, and when they are read. What a query does with it is in
// live_query.h.
//
// FanOut has the subscriptions and says when one begins, is suspended and ends (query_rows.h).
//
// Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/clock.h"
#include "crdt/string_map.h"
#include "dispatch/io.h"
#include "dispatch/query_rows.h"
#include "live/live_query.h"
#include "live/live_query_probe.h"
#include "live/read_line.h"
#include "metrics/registry.h"
#include "probe.h"

namespace topgun::gateway {

class LiveQueries final : public QueryRows {
 public:
  using Time = std::chrono::steady_clock::time_point;

  LiveQueries(const LiveQueryOptions& options, MapReader& reader, Probe& probe,
              metrics::Registry& registry, const WallClock& clock);

  bool Add(uint64_t serial, Connection& connection, const wire::QuerySubFrame& frame,
           query::Query query, Tracer::QuestionPtr question) override;
  void Begin(uint64_t serial) override;
  void Suspend(uint64_t serial) override;
  void End(uint64_t serial) override;
  void OnChange(const Change& change) override;
  void OnGap() override;
  void OnProgress() override;

  void Tick(Time now);

 private:
  static void RefuseCursor(LiveMember& member, Tracer& tracer);
  LiveQuery& QueryOf(const std::shared_ptr<const QuerySpec>& spec);
  void Detach(LiveMember& member);
  void Destroy(LiveQuery& query);

  // Lets the query stand in line, if it wants to be read.
  void Schedule(LiveQuery& query);
  void StartReads();
  void StartRead(LiveQuery& query);
  void OnRead(uint64_t id, const StatusOr<LiveQuery::Snapshot>& snapshot);
  void HideExpired();
  void Report();

  MapReader& reader_;
  LiveQueryProbe live_probe_;
  LiveQueryShare share_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<LiveMember>> members_;  // by serial
  absl::flat_hash_map<uint64_t, std::unique_ptr<LiveQuery>> queries_;   // by id
  crdt::StringMap<LiveQuery*> by_identity_;
  crdt::StringMap<std::vector<LiveQuery*>> by_map_;
  absl::flat_hash_set<uint64_t> expiring_;  // queries with rows that a TTL will hide
  ReadLine line_;
  bool gap_ = false;  // everything is to be read again
  uint64_t last_id_ = 0;
  size_t row_bytes_reported_ = 0;
  size_t text_bytes_reported_ = 0;
  uint64_t blind_reported_ = 0;
  size_t expiring_reported_ = 0;
  size_t waiting_reported_ = 0;
  Time now_;
};

}  // namespace topgun::gateway
