// Reads the feeds of all shards that want entries, with one blocking read at a time.
//
// Threads: the loop's. The table of shards belongs to the shard manager and outlives the reader.
// Limits: one reply asks for about kReplyBytes at most, less when little of
// ShardLimits::read_bytes_max is left; a shard that starts to want entries during a blocking read
// waits for kBlock at most.
#pragma once

#include <map>
#include <memory>

#include "shard/shard_owner.h"

namespace topgun::storage {

using ShardTable = std::map<uint32_t, std::shared_ptr<ShardOwner>>;

class FeedReader {
 public:
  FeedReader(ShardContext& context, FeedSource& source, const ShardTable& shards)
      : context_(context), source_(source), shards_(shards), pace_(context.io) {}
  FeedReader(const FeedReader&) = delete;
  FeedReader& operator=(const FeedReader&) = delete;

  void Start();
  void Stop();  // before its source fails pending reads for good

 private:
  awaitable<void> Run();
  std::vector<FeedPoint> WantedPoints() const;
  uint32_t EntriesPerFeed(size_t feeds) const;
  void Dispatch(const FeedReply& reply);

  ShardContext& context_;
  FeedSource& source_;
  const ShardTable& shards_;
  Signal pace_;
  bool stopped_ = false;
  double entry_bytes_ = 1024;  // moving average
};

}  // namespace topgun::storage
