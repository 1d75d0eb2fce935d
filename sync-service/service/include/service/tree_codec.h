// Tree reads: protobuf to domain and back. Pure.
#pragma once

#include <deque>

#include "base/status.h"
#include "domain/tree_read.h"
#include "topgun/sync/v1/sync.pb.h"

namespace topgun::sync {

// INVALID_ARGUMENT: more paths than a tree has leaf buckets, or a kind that has no tree.
StatusOr<TreeQuery> DecodeTreeQuery(const v1::ReadTreeRequest& request);

// The answer in chunks of about 1 MiB; `tree` is that of the whole map.
std::deque<v1::ReadTreeChunk> CutTree(const TreeQuery& query, const TreePart& tree);

}  // namespace topgun::sync
