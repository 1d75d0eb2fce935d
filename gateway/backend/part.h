// Ops of one shard on their way to a sync replica, as the columns they travel in.
//
// A part is filled while the ones before it are in flight, then sent and kept until its result is
// there and every ack that covers its ops has left: with write concern PERSISTED that takes as long
// as persistence. Its bytes count against the loop's budget for as long as it lives. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/name_index.h"
#include "dispatch/io.h"
#include "probe.h"
#include "topgun/sync/v1/sync.pb.h"

namespace topgun::gateway {

// Bytes of ops a loop keeps. Owned by the loop, outlives the parts.
class MemoryBudget {
 public:
  MemoryBudget(size_t bytes_max, Probe& probe) : bytes_max_(bytes_max), probe_(probe) {}

  void Take(size_t bytes) { bytes_ += bytes; }
  void Return(size_t bytes) { bytes_ -= bytes; }
  // Once per tick, not once per op.
  void Report() {
    const auto bytes = static_cast<int64_t>(bytes_);
    probe_.InflightBytes(bytes - std::exchange(reported_, bytes));
  }
  void set_bytes_max(size_t bytes) { bytes_max_ = bytes; }
  size_t bytes() const { return bytes_; }
  bool Exhausted() const { return bytes_ > bytes_max_; }
  // Low enough to let refused clients send again.
  bool Relaxed() const { return bytes_ <= bytes_max_ / 2; }

 private:
  size_t bytes_max_;
  Probe& probe_;
  size_t bytes_ = 0;
  int64_t reported_ = 0;
};

// Names of a part, each sent once.
class Dictionary {
 public:
  using Names = google::protobuf::RepeatedPtrField<std::string>;

  explicit Dictionary(Names& names) : names_(names) {}
  uint32_t IndexOf(std::string_view name) {
    const auto known = index_.Find(name);
    return known ? *known : Add(name);
  }

 private:
  uint32_t Add(std::string_view name);

  Names& names_;  // its strings do not move
  NameIndex index_;
};

class Part {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr size_t kOpsMax = 2048;
  static constexpr size_t kBytesMax = size_t{512} << 10;

  Part(uint64_t id, uint32_t shard, MemoryBudget& budget);
  ~Part() { budget_.Return(bytes_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // For how long the sync service may wait for Redis's replicas before it answers.
  static constexpr std::chrono::milliseconds kReplicationPatience{500};

  void Append(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
              const OpRef& ref);
  void AppendDeadTag(std::string_view map, std::string_view tag, const OpRef& ref);
  void AppendCounted(std::string_view counter, const CountedNode& counted, const OpRef& ref);

  uint64_t id() const { return message_.part_id(); }
  uint32_t shard() const { return message_.shard(); }
  size_t bytes() const { return bytes_; }
  bool Full() const { return refs_.size() >= kOpsMax || bytes_ >= kBytesMax; }
  Time started() const { return started_; }
  const std::vector<OpRef>& refs() const { return refs_; }
  // Once it was sent. Walks the columns from their start: for what is rare.
  RestampedOp OpAt(size_t index) const;
  // The ops with another concern than APPLIED.
  struct Concern {
    size_t index = 0;  // into refs()
    wire::WriteConcern level = wire::WriteConcern::kApplied;
  };
  const std::vector<Concern>& concerns() const { return concerns_; }
  // Some op is acknowledged before it is committed, so the part must not be given up.
  bool promised() const { return promised_; }
  bool waits_for_replication() const { return message_.replicate_ms() > 0; }
  // For sending; the part is not changed any more.
  sync::v1::ApplyPart& message();

  // True when no ack waits for any of its ops. Remembers how far it has looked.
  bool Settled(const WriteObserver& observer);

  state::Position committed_at;  // once it is
  Time sent_at;                  // the last time
  Time taken_at;                 // by gRPC

  // Not 0: its way is recorded, here and in the sync service (tracer.h).
  uint64_t trace() const { return message_.trace(); }
  void set_trace(uint64_t trace) { message_.set_trace(trace); }
  // Its span; null: none is exported.
  const Tracer::Traced* traced() const { return traced_.get(); }
  void set_traced(Tracer::Traced traced);

 private:
  // Columns of the message. An op is kept as a row until the part is sent: then each column is
  // filled at once, which costs a fraction of appending to all of them for every op.
  struct Row {
    int64_t millis = 0;
    int64_t counter = 0;
    uint32_t map = 0;
    uint32_t node = 0;
    uint32_t origin = 0;
    uint32_t key_bytes = 0;
    uint32_t tag_bytes = 0;
    uint32_t value_bytes = 0;
    char kind = 0;
  };

  void AppendRow(char kind, const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
                 const OpRef& ref);
  void FillColumns();
  void AddConcern(wire::WriteConcern concern);

  MemoryBudget& budget_;
  const Time started_ = std::chrono::steady_clock::now();
  sync::v1::ApplyPart message_;
  std::vector<Row> rows_;  // empty once they are in the message
  std::string keys_;       // likewise
  std::string tags_;
  std::string values_;
  Dictionary maps_;
  Dictionary nodes_;
  Dictionary origins_;
  std::vector<OpRef> refs_;
  std::vector<Concern> concerns_;
  bool promised_ = false;
  size_t settled_ = 0;
  size_t bytes_ = 0;
  std::unique_ptr<Tracer::Traced> traced_;
};

}  // namespace topgun::gateway
