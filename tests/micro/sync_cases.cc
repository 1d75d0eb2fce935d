// sync-service: a part of writes from its message to the commit, without Redis.
#include <memory>
#include <utility>

#include "backend/part.h"
#include "base/clock.h"
#include "case.h"
#include "domain/merge_batch.h"
#include "metrics/registry.h"
#include "service/part_codec.h"
#include "topgun/sync/v1/sync.pb.h"
#include "workload.h"

namespace topgun::micro {
namespace {

constexpr size_t kPartOps = 500;

class SyncClock final : public WallClock {
 public:
  int64_t NowMs() const override { return kNowMs; }
};

// What a gateway sends: one part.
std::string RequestBytes(wire::OpKind kind) {
  metrics::Registry registry;
  gateway::Probe probe(registry, 0);
  gateway::MemoryBudget budget(size_t{1} << 30, probe);
  gateway::Part part(1, 0, budget);
  const Ops ops(kind, kPartOps);
  for (const wire::Op& op : ops.ops()) {
    part.Append(op, wire::WriteConcern::kApplied, "0123456789abcdef", {});
  }
  sync::v1::ApplyRequest request;
  *request.add_parts() = part.message();
  return request.SerializeAsString();
}

std::shared_ptr<sync::v1::ApplyRequest> Parse(const std::string& bytes) {
  auto request = std::make_shared<sync::v1::ApplyRequest>();
  Keep(request->ParseFromString(bytes));
  return request;
}

Case::Call ParseRequest() {
  return [bytes = RequestBytes(wire::OpKind::kPut)] { Keep(Parse(bytes)->parts_size()); };
}

Case::Call DecodePart() {
  return [request = Parse(RequestBytes(wire::OpKind::kPut))] {
    const StatusOr<sync::WritePart> part = sync::DecodePart(request->parts(0), request);
    Keep(part->ops.size());
  };
}

// A shard with all cells in its cache.
class Merging {
 public:
  explicit Merging(wire::OpKind kind) : request_(Parse(RequestBytes(kind))) {}

  // Merges the part in as many commits as it takes. Every write is newer than the last time.
  void Run() {
    ++later_;
    StatusOr<sync::WritePart> decoded = sync::DecodePart(request_->parts(0), request_);
    for (sync::WriteOp& op : decoded->ops) op.timestamp.millis += later_;
    sync::PartState part(*std::move(decoded));
    pending_.Add(part);
    while (!pending_.empty()) Commit();
    Keep(part.open);
  }

 private:
  void Commit() {
    while (!pending_.empty() && !batch_.full()) batch_.Take(pending_.TakeOldest());
    LookUp();
    while (!batch_.Merge(clock_, kNowMs)) LookUp();
    const sync::CommitRequest commit = batch_.BuildCommit(tail_, kNowMs);
    Keep(commit.entry.size());
    ++tail_.n;
    Keep(batch_.Settle(tail_, cache_).size());
    batch_.Clear();
  }

  void LookUp() {
    std::vector<std::optional<std::string>> absent(batch_.LookUp(cache_).size());
    batch_.Provide(std::move(absent));
  }

  std::shared_ptr<sync::v1::ApplyRequest> request_;
  SyncClock wall_;
  crdt::HybridLogicalClock clock_{"sync-0", wall_};
  sync::CellCache cache_{uint64_t{1} << 30};
  sync::PendingOps pending_;
  sync::MergeBatch batch_{sync::BatchLimits()};
  state::Position tail_{31'000'000, 1};
  int64_t later_ = 0;
};

Case Merge(std::string name, wire::OpKind kind) {
  return {.name = std::move(name), .items = kPartOps, .prepare = [kind]() -> Case::Call {
            return [merging = std::make_shared<Merging>(kind)] { merging->Run(); };
          }};
}

}  // namespace

void AddSyncCases(std::vector<Case>& cases) {
  cases.push_back({.name = "sync/parse_request", .items = kPartOps, .prepare = ParseRequest});
  cases.push_back({.name = "sync/decode_part", .items = kPartOps, .prepare = DecodePart});
  cases.push_back(Merge("sync/put_part_to_commit", wire::OpKind::kPut));
  cases.push_back(Merge("sync/or_add_part_to_commit", wire::OpKind::kOrAdd));
}

}  // namespace topgun::micro
