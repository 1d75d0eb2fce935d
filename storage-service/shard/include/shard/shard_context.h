// What all shards of a process share. Owned by the application, outlives every shard. Loop thread
// only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <boost/asio/io_context.hpp>

#include "async/signal.h"
#include "base/clock.h"
#include "shard/io.h"
#include "shard/probe.h"

namespace topgun::storage {

struct ShardLimits {
  // Flushes of a shard start at least this far apart, unless a batch is full: what is written again
  // meanwhile costs one row. The first after a pause starts at once.
  std::chrono::milliseconds flush_interval{1000};
  // The same while somebody waits for a commit (write concern PERSISTED): a transaction costs as
  // much as some eighty rows.
  std::chrono::milliseconds awaited_flush_interval{50};
  // A flush takes no further entry once it has this many rows or bytes.
  uint64_t flush_rows_max = 5000;
  uint64_t flush_bytes_max = 16ull << 20;
  // Reading stops while this much is read and not committed, over all shards.
  uint64_t read_bytes_max = 256ull << 20;
  // What stays in the feed for watchers that resume.
  std::chrono::milliseconds watch_window{15000};
  uint64_t watch_window_bytes = 64ull << 20;
};

struct ShardContext {
  boost::asio::io_context& io;
  ShardStore& redis;
  CellStore& postgres;
  Probe& probe;
  const WallClock& clock;
  const std::string name;  // of the leases
  ShardLimits limits;      // may change between two turns of the loop

  uint64_t unflushed_bytes = 0;
  Signal reader_wake{io};  // a shard wants entries, or bytes became free

  bool CanRead() const { return unflushed_bytes < limits.read_bytes_max; }
};

}  // namespace topgun::storage
