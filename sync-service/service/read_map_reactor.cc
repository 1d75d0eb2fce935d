// Snapshots: the parts of all loops' views, merged by key and cut into chunks.
#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "rpc/status.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

constexpr size_t kChunkBytes = 1u << 20;

// Ascending keys; the loops' parts are sorted already.
Snapshot MergeParts(std::vector<Snapshot> parts, size_t rows_max) {
  Snapshot merged;
  for (Snapshot& part : parts) {
    const auto middle = static_cast<std::ptrdiff_t>(merged.rows.size());
    std::move(part.rows.begin(), part.rows.end(), std::back_inserter(merged.rows));
    std::inplace_merge(merged.rows.begin(), merged.rows.begin() + middle, merged.rows.end(),
                       [](const SnapshotRow& a, const SnapshotRow& b) { return a.key < b.key; });
    merged.positions.insert(merged.positions.end(), part.positions.begin(), part.positions.end());
    merged.more = merged.more || part.more;
  }
  if (merged.rows.size() > rows_max) {
    merged.rows.resize(rows_max);
    merged.more = true;
  }
  std::sort(merged.positions.begin(), merged.positions.end(),
            [](const ShardPosition& a, const ShardPosition& b) { return a.shard < b.shard; });
  return merged;
}

std::deque<v1::ReadMapChunk> CutChunks(const Snapshot& snapshot) {
  std::deque<v1::ReadMapChunk> chunks(1);
  for (const SnapshotRow& row : snapshot.rows) {
    if (chunks.back().keys().size() + chunks.back().values().size() > kChunkBytes) {
      chunks.emplace_back();
    }
    v1::ReadMapChunk& chunk = chunks.back();
    chunk.mutable_keys()->append(row.key);
    chunk.add_key_lengths(static_cast<uint32_t>(row.key.size()));
    chunk.mutable_values()->append(row.value);
    chunk.add_value_lengths(static_cast<uint32_t>(row.value.size()));
  }
  v1::ReadMapChunk& last = chunks.back();
  last.set_has_more(snapshot.more);
  for (const ShardPosition& position : snapshot.positions) {
    auto* out = last.add_positions();
    out->set_incarnation(position.position.incarnation);
    out->set_n(position.position.n);
  }
  return chunks;
}

class ReadMapReactor final : public grpc::ServerWriteReactor<v1::ReadMapChunk> {
 public:
  // Where the loops leave their parts; survives the reactor when the call was cancelled.
  struct Gathering {
    std::mutex mutex;
    ReadMapReactor* reactor = nullptr;
    std::vector<Snapshot> parts;
    size_t open = 0;
    size_t rows_max = 0;
    Status failure;
  };

  ReadMapReactor(LoopSet& loops, const v1::ReadMapRequest& request)
      : gathering_(std::make_shared<Gathering>()) {
    gathering_->reactor = this;
    gathering_->open = loops.loop_count();
    gathering_->rows_max = request.rows_max();
    for (size_t loop = 0; loop < loops.loop_count(); ++loop) {
      const bool posted =
          loops.Post(loop, [&loops, loop, gathering = gathering_, map = request.map()] {
            loops.ViewsOf(loop).Read(
                map, gathering->rows_max,
                [gathering](StatusOr<Snapshot> part) { Gather(*gathering, std::move(part)); });
          });
      if (!posted) Gather(*gathering_, Unavailable("shutting down"));
    }
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(gathering_->mutex);
    chunks_.pop_front();
    if (!ok) return FinishOnce(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the stream broke"));
    WriteNext();
  }

  void OnCancel() override {
    const std::lock_guard lock(gathering_->mutex);
    FinishOnce(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    {
      const std::lock_guard lock(gathering_->mutex);
      gathering_->reactor = nullptr;
    }
    delete this;
  }

 private:
  static void Gather(Gathering& gathering, StatusOr<Snapshot> part) {
    const std::lock_guard lock(gathering.mutex);
    if (part.ok()) {
      gathering.parts.push_back(*std::move(part));
    } else {
      gathering.failure = part.status();
    }
    if (--gathering.open != 0 || gathering.reactor == nullptr) return;
    gathering.reactor->Answer();
  }

  // The mutex is held in all of these.
  void Answer() {
    if (!gathering_->failure.ok()) return FinishOnce(rpc::ToGrpc(gathering_->failure));
    chunks_ = CutChunks(MergeParts(std::move(gathering_->parts), gathering_->rows_max));
    WriteNext();
  }

  void WriteNext() {
    if (finished_) return;
    if (chunks_.empty()) return FinishOnce(grpc::Status::OK);
    StartWrite(&chunks_.front());
  }

  void FinishOnce(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  std::shared_ptr<Gathering> gathering_;
  std::deque<v1::ReadMapChunk> chunks_;
  bool finished_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::ReadMapChunk>* SyncService::ReadMap(
    grpc::CallbackServerContext* /*context*/, const v1::ReadMapRequest* request) {
  return new ReadMapReactor(loops_, *request);
}

}  // namespace topgun::sync
