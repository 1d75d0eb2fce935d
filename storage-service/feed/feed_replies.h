// What XREAD answers, as chunks of feeds. Pure.
#pragma once

#include "redis/reply.h"
#include "shard/io.h"

namespace topgun::storage {

// `entries`: a list of [id, [name, value, ...]]. Entries that are none of ours are left out. The
// chunk borrows from the reply.
FeedChunk ParseChunk(const FeedPoint& point, const redis::ReplyView& entries);

}  // namespace topgun::storage
