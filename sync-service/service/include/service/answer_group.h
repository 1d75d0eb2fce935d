// The results of parts that came in one message, kept together so that they leave in one message.
//
// A frame's ops are spread over the shards and its ack needs all of their parts, so a result that
// leaves alone gains nobody anything, yet costs a write, a read and several wake-ups. Nobody waits
// long for a slow shard though: a group that holds results longer than kHoldMax lets them go, and
// whatever comes later leaves as it comes.
//
// Groups and the queue belong to one loop; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "domain/write.h"

namespace topgun::sync {

class AnswerGroup {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Answer {
    uint64_t part_id = 0;
    WriteResult result;
  };
  using Send = std::function<void(const std::vector<Answer>&)>;

  AnswerGroup(size_t parts, Send send) : open_(parts), send_(std::move(send)) {}

  // One of the parts is done. True if its result is the first that is held: the group must be
  // queued.
  bool Add(uint64_t part_id, WriteResult result);
  // Sends what is held and holds nothing any more.
  void Release();
  bool holds() const { return !held_.empty(); }

 private:
  size_t open_;  // parts that are not done
  bool released_ = false;
  std::vector<Answer> held_;
  const Send send_;
};

// The groups of a loop that hold results, the oldest first.
class HeldAnswers {
 public:
  using Time = AnswerGroup::Time;
  static constexpr std::chrono::milliseconds kHoldMax{5};

  void Hold(std::shared_ptr<AnswerGroup> group, Time now);
  // Called with every poll of the feeds: releases the groups that have held long enough. How many.
  size_t ReleaseOld(Time now);

 private:
  void DropEmpty();

  std::deque<std::pair<Time, std::shared_ptr<AnswerGroup>>> groups_;
};

}  // namespace topgun::sync
