// Small rules of the gateway: outbound queue, rate limiter, rendezvous hashing.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "dispatch/rate_limiter.h"
#include "dispatch/rendezvous.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;

SharedBytes Bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

class OutboundQueueTest : public ::testing::Test {
 protected:
  bool Push(uint64_t stream, std::string_view key, std::string text, bool keep = false) {
    return queue_.Push(
        {.head = Bytes(std::move(text)), .tail = {}, .stream = stream, .key = key, .keep = keep});
  }
  std::vector<std::string> Drain() {
    std::vector<std::string> frames;
    for (OutboundFrame frame; queue_.Pop(&frame);) {
      frames.push_back(frame.own + (frame.head ? *frame.head : "") +
                       (frame.tail ? *frame.tail : ""));
    }
    return frames;
  }

  OutboundLimits limits_{.push_bytes_max = 1'000, .reply_bytes_max = 500, .coalesce_bytes_min = 0};
  OutboundQueue queue_{limits_};
};

using Frames = std::vector<std::string>;

TEST_F(OutboundQueueTest, KeepsTheOrderOfRepliesAndPushes) {
  queue_.Reply("a");
  Push(0, "", "b");
  queue_.Reply("c");
  EXPECT_EQ(Drain(), (Frames{"a", "b", "c"}));
  EXPECT_EQ(queue_.bytes(), 0U);
}

TEST_F(OutboundQueueTest, UrgentFramesOvertakeAndAreBounded) {
  queue_.Reply("reply");
  for (size_t i = 0; i <= OutboundQueue::kUrgentMax; ++i) queue_.Urgent(std::to_string(i));
  const Frames frames = Drain();
  ASSERT_EQ(frames.size(), OutboundQueue::kUrgentMax + 1);
  EXPECT_EQ(frames.front(), "1");  // the oldest was dropped
  EXPECT_EQ(frames.back(), "reply");
}

TEST_F(OutboundQueueTest, APushReplacesTheQueuedOneOfItsKey) {
  Push(1, "k", "old");
  Push(1, "other", "x");
  Push(2, "k", "other stream");
  Push(1, "k", "new");
  EXPECT_EQ(Drain(), (Frames{"new", "x", "other stream"}));
  EXPECT_EQ(queue_.coalesced(), 1U);
}

TEST_F(OutboundQueueTest, NothingIsReplacedOnceItIsTaken) {
  Push(1, "k", "first");
  EXPECT_EQ(Drain(), Frames{"first"});
  Push(1, "k", "second");
  EXPECT_EQ(Drain(), Frames{"second"});
}

TEST_F(OutboundQueueTest, ABacklogIsNotTrimmed) {
  queue_.Reply("a");
  queue_.Trim();
  OutboundFrame frame;
  ASSERT_TRUE(queue_.Pop(&frame));
  EXPECT_EQ(frame.own, "a");
  queue_.Trim();
  queue_.Reply("b");
  ASSERT_TRUE(queue_.Pop(&frame));
  EXPECT_EQ(frame.own, "b");
}

TEST_F(OutboundQueueTest, TheBacklogSaysHowFarThePeerIsBehind) {
  limits_ = {.push_bytes_max = 10'000, .reply_bytes_max = 5'000, .coalesce_bytes_min = 1'000};
  EXPECT_EQ(queue_.backlog(), Backlog::kNone);
  EXPECT_TRUE(Push(0, "", std::string(1'000, 'x')));
  EXPECT_EQ(queue_.backlog(), Backlog::kCoalescing);
  EXPECT_TRUE(Push(0, "", std::string(4'500, 'x')));
  EXPECT_EQ(queue_.backlog(), Backlog::kSlow);
  queue_.Clear();
  EXPECT_EQ(queue_.backlog(), Backlog::kNone);
  queue_.Reply(std::string(6'000, 'x'));  // answers count by themselves
  EXPECT_EQ(queue_.backlog(), Backlog::kSlow);
}

TEST_F(OutboundQueueTest, StreamZeroIsNeverCoalesced) {
  Push(0, "k", "a");
  Push(0, "k", "b");
  EXPECT_EQ(Drain(), (Frames{"a", "b"}));
}

TEST_F(OutboundQueueTest, LossyFramesLeaveHalfOfTheRoomToTheOthers) {
  const auto push = [this](size_t bytes, bool lossy) {
    return queue_.Push(
        {.head = Bytes(std::string(bytes, 'x')), .tail = {}, .key = {}, .lossy = lossy});
  };
  EXPECT_TRUE(push(300, true));
  EXPECT_FALSE(push(300, true));
  EXPECT_TRUE(push(50, true)) << "a smaller one fits";
  EXPECT_TRUE(push(300, false)) << "what must arrive has the other half";
  EXPECT_FALSE(push(300, false));
}

TEST_F(OutboundQueueTest, AnEnterReachesThePeerAndUpdatesBehindItCoalesce) {
  Push(1, "k", "ENTER", true);
  Push(1, "k", "UPDATE 1");
  Push(1, "k", "UPDATE 2");
  EXPECT_EQ(Drain(), (Frames{"ENTER", "UPDATE 2"}));
  Push(1, "k", "LEAVE");
  Push(1, "k", "ENTER", true);
  Push(1, "k", "UPDATE");
  EXPECT_EQ(Drain(), (Frames{"LEAVE", "ENTER", "UPDATE"}));
}

TEST_F(OutboundQueueTest, OnlyPushesAreLimited) {
  queue_.Reply(std::string(2'000, 'r'));
  EXPECT_TRUE(queue_.RepliesFull());
  int queued = 0;
  while (Push(0, "", std::string(100, 'p'))) ++queued;
  EXPECT_GT(queued, 3);
  EXPECT_LT(queued, 10);
  OutboundFrame frame;
  ASSERT_TRUE(queue_.Pop(&frame));
  EXPECT_FALSE(queue_.RepliesFull());
}

TEST_F(OutboundQueueTest, ALimitThatIsChangedHoldsAtOnce) {
  EXPECT_FALSE(Push(0, "", std::string(2'000, 'p')));
  limits_.push_bytes_max = 10'000;
  EXPECT_TRUE(Push(0, "", std::string(2'000, 'p')));
}

TEST(OutboundQueueBacklogTest, CoalescingBeginsWithABacklog) {
  const OutboundLimits limits{
      .push_bytes_max = 1'000, .reply_bytes_max = 500, .coalesce_bytes_min = 150};
  OutboundQueue queue(limits);
  const auto push = [&](std::string text) {
    queue.Push({.head = Bytes(std::move(text)), .tail = {}, .stream = 1, .key = "k"});
  };
  push("1");
  push("2");
  push("3");  // 130 bytes are queued, too few
  EXPECT_EQ(queue.coalesced(), 0U);
  push("4");
  push("5");
  EXPECT_EQ(queue.coalesced(), 1U);
}

class RateLimiterTest : public ::testing::Test {
 protected:
  const RateLimiter::Time start_ = std::chrono::steady_clock::now();
  RateLimiter limiter_{1'000, 2'000, start_};
};

TEST_F(RateLimiterTest, AllowsTheBurstThenTheRate) {
  EXPECT_TRUE(limiter_.Allow(2'000, start_));
  EXPECT_FALSE(limiter_.Allow(1, start_));
  EXPECT_TRUE(limiter_.Allow(100, start_ + milliseconds(100)));
  EXPECT_FALSE(limiter_.Allow(1, start_ + milliseconds(100)));
}

TEST_F(RateLimiterTest, ClampsTheCostOfOneFrameToTheBurst) {
  EXPECT_TRUE(limiter_.Allow(1'000'000, start_));
  EXPECT_FALSE(limiter_.Allow(1, start_));
}

TEST_F(RateLimiterTest, NeverSavesMoreThanTheBurst) {
  EXPECT_TRUE(limiter_.Allow(2'000, start_ + std::chrono::hours(1)));
  EXPECT_FALSE(limiter_.Allow(1, start_ + std::chrono::hours(1)));
}

std::string Winner(const std::vector<std::string>& members, const std::string& name) {
  std::string winner;
  uint64_t best = 0;
  for (const std::string& member : members) {
    if (const uint64_t score = RendezvousScore(member, name); winner.empty() || score > best) {
      winner = member;
      best = score;
    }
  }
  return winner;
}

TEST(RendezvousTest, SpreadsEvenlyAndMovesOnlyTheShareOfTheLost) {
  const std::vector<std::string> three = {"10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"};
  const std::vector<std::string> two = {three[0], three[1]};
  std::map<std::string, int> share;
  for (int shard = 0; shard < 3'000; ++shard) {
    const std::string name = "shard/" + std::to_string(shard);
    const std::string before = Winner(three, name);
    ++share[before];
    if (before != three[2]) {
      EXPECT_EQ(Winner(two, name), before);
    }
  }
  for (const auto& [member, count] : share) {
    EXPECT_GT(count, 850) << member;
    EXPECT_LT(count, 1'150) << member;
  }
}

// Gateways of different builds must agree, so the function may never change.
TEST(RendezvousTest, IsFixed) {
  EXPECT_EQ(RendezvousScore("10.0.0.1:9000", "shard/7"), 0xe5082bb8eeb39ff4ULL);
}

}  // namespace
}  // namespace topgun::gateway
