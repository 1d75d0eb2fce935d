// Results that leave together, and what makes them leave alone.
#include <gtest/gtest.h>

#include "service/answer_group.h"

namespace topgun::sync {
namespace {

using Messages = std::vector<std::vector<uint64_t>>;

class AnswerGroupTest : public ::testing::Test {
 protected:
  std::shared_ptr<AnswerGroup> Group(size_t parts) {
    return std::make_shared<AnswerGroup>(parts, [this](const auto& answers) {
      std::vector<uint64_t>& message = messages_.emplace_back();
      for (const auto& answer : answers) message.push_back(answer.part_id);
    });
  }
  // As the service does it.
  void Add(const std::shared_ptr<AnswerGroup>& group, uint64_t part_id, Status status = {}) {
    if (group->Add(part_id, {std::move(status), {}, {}})) held_.Hold(group, now_);
  }

  AnswerGroup::Time now_{};
  HeldAnswers held_;
  Messages messages_;
};

TEST_F(AnswerGroupTest, TheLastResultTakesAllWithIt) {
  const auto group = Group(3);
  Add(group, 1);
  Add(group, 3);
  EXPECT_TRUE(messages_.empty());
  Add(group, 2);
  EXPECT_EQ(messages_, Messages({{1, 3, 2}}));
}

TEST_F(AnswerGroupTest, OnePartIsNotHeld) {
  Add(Group(1), 7);
  EXPECT_EQ(messages_, Messages({{7}}));
}

TEST_F(AnswerGroupTest, ARefusalLeavesAtOnceWithWhatIsHeld) {
  const auto group = Group(3);
  Add(group, 1);
  Add(group, 2, ResourceExhausted("full"));
  Add(group, 3);
  EXPECT_EQ(messages_, Messages({{1, 2}, {3}}));
}

TEST_F(AnswerGroupTest, WhatIsHeldForLongLeavesAlone) {
  const auto slow = Group(2);
  Add(slow, 1);
  now_ += std::chrono::milliseconds(1);
  const auto younger = Group(2);
  Add(younger, 3);
  EXPECT_EQ(held_.ReleaseOld(now_), 0);

  now_ += HeldAnswers::kHoldMax - std::chrono::milliseconds(1);
  EXPECT_EQ(held_.ReleaseOld(now_), 1);
  EXPECT_EQ(messages_, Messages({{1}}));
  Add(slow, 2);
  Add(younger, 4);
  EXPECT_EQ(messages_, Messages({{1}, {2}, {3, 4}}));
}

TEST_F(AnswerGroupTest, CompleteGroupsAreNotKept) {
  const auto first = Group(2);
  Add(first, 1);
  Add(first, 2);
  const auto second = Group(2);
  Add(second, 3);  // drops the first from the queue
  EXPECT_EQ(first.use_count(), 1);
  now_ += HeldAnswers::kHoldMax;
  EXPECT_EQ(held_.ReleaseOld(now_), 1);
}

}  // namespace
}  // namespace topgun::sync
