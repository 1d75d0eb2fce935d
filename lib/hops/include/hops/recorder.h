// Where sampled pieces of work were, and when: a bounded memory of recent records per process.
//
// Every process keeps records of a few kinds (a frame, a part, a flush). A record says at which
// times a piece of work passed the stages of its kind. The same piece has the same trace number in
// every process, so that their records can be joined; times are those of the steady clock, which
// all processes of one machine share (Snapshot::boot tells machines apart).
//
// A Sampler says which pieces are followed; everything else costs a decrement. Records are added
// under a mutex, a few hundred a second. Owned by the app, outlives the loops. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace topgun::hops {

using Time = std::chrono::steady_clock::time_point;

inline constexpr size_t kStagesMax = 8;
inline constexpr size_t kNumbersMax = 8;
inline constexpr uint32_t kSampleEvery = 64;

struct Kind {
  std::string name;
  std::vector<std::string> stages;   // in the order in which they are passed, at most kStagesMax
  std::vector<std::string> numbers;  // what else a record tells, at most kNumbersMax
};

struct Record {
  uint64_t trace = 0;                 // 0: none, the numbers name the piece
  std::array<Time, kStagesMax> at{};  // Time(): the stage was not passed
  std::array<uint64_t, kNumbersMax> numbers{};
  std::vector<uint64_t> parts = {};  // traces of what the piece was divided into
};

class Recorder {
 public:
  // Keeps the newest `records_max` records of each kind.
  explicit Recorder(size_t records_max = 1'024);

  // Adding a kind again gives the same number. Ends the process when a kind has too many stages.
  size_t AddKind(Kind kind);
  void Add(size_t kind, Record record);

  // Every how manyth piece is followed; 0: none.
  void set_every(uint32_t every) { every_.store(every, std::memory_order_relaxed); }
  uint32_t every() const { return every_.load(std::memory_order_relaxed); }
  // Never 0, and below 2^53, so that JavaScript reads it exactly.
  uint64_t NewTrace();

  // The records that came after the one with the number `after`, as JSON (docs/profiling.md).
  std::string Render(uint64_t after) const;

 private:
  struct Numbered {
    uint64_t number = 0;
    Record record;
  };
  struct Ring {
    Kind kind;
    std::vector<Numbered> records;  // full: the oldest is at `next`
    size_t next = 0;
  };

  static void RenderRing(const Ring& ring, uint64_t after, std::string& out);

  const size_t records_max_;
  std::atomic<uint32_t> every_{kSampleEvery};
  std::atomic<uint64_t> next_trace_;
  mutable std::mutex mutex_;
  std::vector<Ring> rings_;
  uint64_t last_number_ = 0;
};

// Picks every nth piece. One thread; a changed n takes effect with the next pick.
class Sampler {
 public:
  explicit Sampler(const Recorder* recorder) : recorder_(recorder) {}  // null: picks nothing

  bool Due() {
    if (--left_ > 0) return false;
    return Refill();
  }

 private:
  static constexpr int64_t kOffCheck = 1'024;  // pieces until an idle sampler looks again

  bool Refill() {
    const uint32_t every = recorder_ == nullptr ? 0 : recorder_->every();
    left_ = every == 0 ? kOffCheck : every;
    return every != 0;
  }

  const Recorder* const recorder_;
  int64_t left_ = 1;
};

}  // namespace topgun::hops
