// The changes of a map for a client of POST /sync (core.md 9.1): all records that were committed
// after its last exchange, removed ones as tombstones.
//
// The client gives back the server's own timestamp of the last exchange, so clocks of clients do
// not matter. Those of the server's machines do: a record is stamped with its commit time by
// another machine, a little before it is committed. So every exchange begins the overlap earlier
// than the last one ended; what comes twice does no harm.
//
// What does not fit in one answer comes in pages, cut by commit time. The timestamp of a page is
// marked and remembers when the first page was read; the last page gives that time, so that what
// was committed between the pages comes with the next exchange. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/timestamp.h"
#include "dispatch/io.h"
#include "wire/http_sync.h"

namespace topgun::gateway {

// By how much commit times may be wrong or late: clocks that differ, commits that wait for Redis.
inline constexpr int64_t kDeltaOverlapMs = 10'000;

// From where on a client wants to know.
struct DeltaStart {
  int64_t since_ms = 0;  // TreeRequest::committed_since_ms; 0: everything
  int64_t epoch_ms = 0;  // when the first page was read
  bool continued = false;
};

// `now_ms` is taken before the map is read.
DeltaStart DeltaStartOf(const crdt::TimestampView& last_sync, int64_t now_ms);

// True when removals that the client never heard of may have been dropped (`horizon_ms`: commit
// time of the newest one): it must be given everything.
bool IsBeyondHorizon(const DeltaStart& start, int64_t horizon_ms);

struct Delta {
  wire::SyncDelta delta;  // borrows from the answer; its timestamp has no node yet
  std::string node_id;    // of its timestamp
};

// The cells of the answer's first node, as many as fit into `bytes_max`.
Delta MakeDelta(std::string_view map, const TreeAnswer& answer, const DeltaStart& start,
                std::string_view node_id, size_t bytes_max);

}  // namespace topgun::gateway
