// Reads back the events that a gap in the watch stream has swallowed: of the shards in question
// what follows the last event that was seen of them.
//
// While a gap is open nothing should be told, so that what is read back takes its place in the
// order. Gaps of one tick are healed together; those that come meanwhile are next. A gap is given
// up when it is too large, takes too long or cannot be read.
//
// Limits: kEventsMax, kPatience. Owned by a Journal; one thread. The reader may call back until the
// loop ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/journal/journal_event.h"
#include "dispatch/journal/journal_probe.h"

namespace topgun::gateway {

class JournalGaps {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Found = std::function<void(const JournalRecord&)>;

  static constexpr size_t kEventsPerRead = 1'000;
  static constexpr size_t kEventsMax = 20'000;
  static constexpr std::chrono::seconds kPatience{30};

  JournalGaps(JournalReader& reader, JournalProbe& probe, Found found)
      : reader_(reader), probe_(probe), found_(std::move(found)) {}

  void Seen(const JournalEvent& event);
  // Changes of the shard were missed. Of a shard of which no event was seen, those since
  // `since_ms`.
  void OnGap(uint32_t shard, int64_t since_ms);
  bool open() const { return !waiting_.empty() || !reading_.empty(); }
  void Tick(Time now);
  // The events of the gap at hand are not told.
  void GiveUp();
  // Nobody wants any events.
  void Clear();

 private:
  // Where it begins.
  struct Gap {
    state::Position after;
    uint64_t since_ms = 0;
  };

  void Read();
  void OnAnswer(const JournalAnswer& answer);

  JournalReader& reader_;
  JournalProbe& probe_;
  const Found found_;
  std::map<uint32_t, Gap> seen_;  // the last event of each shard
  std::map<uint32_t, Gap> waiting_;
  std::map<uint32_t, Gap> reading_;
  JournalQuery query_;  // the next read
  size_t events_ = 0;   // looked at for the gaps at hand
  Time deadline_;
  uint64_t read_ = 0;  // number of the read on its way
};

}  // namespace topgun::gateway
