// What Redis answers to the commands and scripts of one shard (docs/state-layout.md), as values of
// the domain. Pure; views are read and copied before these functions return. Private to store/.
#pragma once

#include <string_view>
#include <vector>

#include "domain/io.h"
#include "redis/reply.h"

namespace topgun::sync {

// HMGET of meta: run, inc, n, bytes, pinc, pn.
ShardMeta ParseMeta(const redis::ReplyView& reply);
// The commit and the prune script.
CommitReply ParseCommit(const redis::ReplyView& reply);
// XRANGE of the feed; entries that are none of ours are left out.
std::vector<FeedRecord> ParseFeed(const redis::ReplyView& reply);
// HSCAN of a map's cells. A cursor that goes on carries `run`, the one it belongs to.
ScanChunk ParseScan(const redis::ReplyView& reply, std::string_view run);
// The script that merges loaded cells: which of them clashed, or ABORTED when another load has
// taken over.
StatusOr<std::vector<size_t>> ParseClashes(const redis::ReplyView& reply);

// The script that grants a lock.
LockReply ParseLock(const redis::ReplyView& reply);

}  // namespace topgun::sync
