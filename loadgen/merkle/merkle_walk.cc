#include "merkle/merkle_walk.h"

#include <algorithm>
#include <utility>

#include "wire/client_encode.h"

namespace topgun::loadgen {

using wire::FrameType;

void MerkleWalk::Start() {
  cost_ = {};
  missing_ = 1;
  cost_.round_trips = 1;
  scratch_.clear();
  if (is_or_) {
    const auto buckets = replica_.tree().Children("");
    wire::OrMapSyncInitFrame init;
    init.map = map_;
    init.root_hash = replica_.tree().root_hash();
    for (const auto& bucket : buckets) {
      init.bucket_hashes.push_back({std::string_view(&bucket.digit, 1), bucket.hash});
    }
    init.last_sync_timestamp = 0;
    init.claimed_epoch = 0;
    wire::EncodeOrMapSyncInit(init, scratch_);
  } else {
    wire::EncodeSyncInit({.map = map_, .last_sync_timestamp = 0}, scratch_);
  }
  Transmit();
}

bool MerkleWalk::OnFrame(const wire::ServerFrame& frame) {
  if (!running()) return false;
  switch (frame.type) {
    case FrameType::kSyncRespRoot:
    case FrameType::kOrMapSyncRespRoot:
      if (frame.sync_root.map != map_) return false;
      OnRoot(frame.sync_root);
      break;
    case FrameType::kSyncRespBuckets:
    case FrameType::kOrMapSyncRespBuckets:
      if (frame.sync_buckets.map != map_) return false;
      OnBuckets(frame.sync_buckets);
      break;
    case FrameType::kSyncRespLeaf:
      if (frame.sync_leaf.map != map_) return false;
      OnLeaf(frame);
      break;
    case FrameType::kOrMapSyncRespLeaf:
      if (frame.or_map_leaf.map != map_) return false;
      OnLeaf(frame);
      break;
    default:
      return false;
  }
  ++cost_.frames_received;
  return --missing_ == 0;
}

void MerkleWalk::OnRoot(const wire::SyncRootFrame& root) {
  server_root_ = root.root_hash;
  if (root.root_hash != replica_.tree().root_hash()) Request("");
}

// Buckets that only the client has are left alone; its news travel in OP_BATCH.
void MerkleWalk::OnBuckets(const wire::SyncBucketsFrame& buckets) {
  for (const wire::BucketHash& bucket : buckets.buckets) {
    std::string path = std::string(buckets.path).append(bucket.digit);
    if (replica_.tree().NodeHash(path) != bucket.hash) Request(std::move(path));
  }
}

void MerkleWalk::OnLeaf(const wire::ServerFrame& frame) {
  scratch_.clear();
  cost_.records += replica_.MergeLeaf(frame, scratch_);
  if (!scratch_.empty()) Transmit();
}

void MerkleWalk::Request(std::string path) {
  ++missing_;
  // The init, the root's buckets, and one more per digit.
  cost_.round_trips = std::max(cost_.round_trips, static_cast<uint32_t>(path.size()) + 2);
  scratch_.clear();
  const wire::MerkleReqBucketFrame request{.map = map_, .path = path};
  if (is_or_) {
    wire::EncodeOrMapMerkleReqBucket(request, scratch_);
  } else {
    wire::EncodeMerkleReqBucket(request, scratch_);
  }
  Transmit();
}

void MerkleWalk::Transmit() {
  ++cost_.frames_sent;
  output_.Send(scratch_);
}

}  // namespace topgun::loadgen
