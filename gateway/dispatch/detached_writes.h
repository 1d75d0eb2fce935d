// Writes that no connection's ack ledger waits for: HTTP requests, ORMAP_PUSH_DIFF, counters,
// records of the cluster itself.
//
// A batch is finished when all its ops are; an op that was lost with its shard's tail before that
// is waited for again. Ops that are refused (too many wait, or the sink is overloaded) or that do
// not finish within the patience are reported as kOverloaded: they may still take effect, and
// sending them again does no harm.
//
// Owned by the loop; one thread. `Done` never runs inside Write(). On shutdown batches that wait
// are forgotten.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/write_router.h"
#include "probe.h"

namespace topgun::gateway {

struct DetachedWriteOptions {
  size_t ops_max = 65'536;  // that wait at a time, unless set_ops_max() says otherwise
  std::chrono::milliseconds patience{20'000};
};

class DetachedWrites final : public WriteObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // One outcome per op, in the order of the ops.
  using Done = std::function<void(std::span<const OpOutcome>)>;

  DetachedWrites(const DetachedWriteOptions& options, Defer defer, Probe& probe)
      : options_(options), ops_max_(options.ops_max), defer_(std::move(defer)), probe_(probe) {}
  void Bind(WriteSink& sink) { sink_ = &sink; }
  // Ops that wait already stay.
  void set_ops_max(size_t ops_max) { ops_max_ = ops_max; }

  // The ops must be valid (wire::ValidateOp, unless the map is the cluster's own); they are copied.
  // `origin` names the connection that is not told of the changes; empty: all are told.
  void Write(std::span<const wire::Op> ops, std::string_view origin, Done done);

  // Declares tags of an OR map dead in every shard. One outcome per tag and shard.
  void DeclareDead(std::string_view map, std::span<const std::string> tags, Done done);

  // What nodes have counted of a PN counter. One outcome per node.
  void Count(std::string_view counter, std::span<const CountedNode> nodes, Done done);

  void OnOpDone(const OpRef& ref, OpOutcome outcome) override;
  void OnConcernMet(const OpRef& /*ref*/, wire::WriteConcern /*level*/) override {}  // all APPLIED
  void OnOpReopened(const OpRef& ref) override;
  void OnRestamped(const OpRef& /*ref*/, const RestampedOp& /*op*/) override {}  // no record there
  bool AwaitsAck(const OpRef& ref) const override { return Find(ref.op) != batches_.end(); }

  void Tick(Time now);
  size_t waiting() const { return waiting_; }

 private:
  enum class State : uint8_t { kOpen, kFinished };
  struct Batch {
    Done done;
    Time deadline;
    size_t open = 0;
    std::vector<State> states;
    std::vector<OpOutcome> outcomes;
    std::unique_ptr<Tracer::Frame> followed = {};  // null: not traced
  };
  using Batches = std::map<uint64_t, Batch>;  // by the number of their first op, so by age

  Batches::const_iterator Find(uint64_t op) const;
  Batch* BatchOf(uint64_t op, size_t* index);
  bool HasRoom(size_t count) const;
  Batch NewBatch(size_t count, Done done) const;
  // Returns the number of its first op.
  uint64_t Begin(Batch batch);
  // Traces the batch that begins with `first`, if what it is written for is traced. Its ops have
  // been submitted: the parts that they are in are known and have not been sent.
  void Follow(uint64_t first);
  void Refuse(size_t count, Done done);
  void Finish(Batches::iterator batch);

  const DetachedWriteOptions options_;
  size_t ops_max_;
  const Defer defer_;
  Probe& probe_;
  WriteSink* sink_ = nullptr;
  Batches batches_;
  uint64_t next_op_ = 0;
  size_t waiting_ = 0;  // ops of all batches
};

}  // namespace topgun::gateway
