// What waits for one Watch stream about topics.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "backend/topic_outbox.h"

namespace topgun::gateway {
namespace {

class TopicOutboxTest : public ::testing::Test {
 protected:
  bool Publish(std::string_view data) {
    return outbox_.Publish({.topic = "t", .data = data, .origin = "connection", .published_ms = 5});
  }
  // e.g. "+a +b -c 1 2"
  std::string Next() {
    sync::v1::WatchRequest request;
    outbox_.MoveTo(request);
    std::string text;
    for (const std::string& topic : request.add_topics()) text.append(" +").append(topic);
    for (const std::string& topic : request.remove_topics()) text.append(" -").append(topic);
    for (const auto& each : request.publications()) text.append(" ").append(each.data());
    return text.empty() ? text : text.substr(1);
  }

  TopicOutbox outbox_{{.bytes_max = 1'000, .topics_per_message = 2}};
};

TEST_F(TopicOutboxTest, OnlyTheDifferenceWaits) {
  outbox_.Add("a");
  outbox_.Add("b");
  outbox_.Remove("a");
  EXPECT_EQ(Next(), "+b");
  outbox_.Remove("b");
  outbox_.Add("b");
  EXPECT_TRUE(outbox_.empty()) << "the replica knows it";
  outbox_.Remove("b");
  EXPECT_EQ(Next(), "-b");
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(TopicOutboxTest, ManyTopicsTakeSeveralMessages) {
  for (const char* const topic : {"a", "b", "c"}) outbox_.Add(topic);
  Publish("1");
  EXPECT_EQ(Next(), "+a +b") << "the publication waits for what was wanted before";
  EXPECT_EQ(Next(), "+c 1");
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(TopicOutboxTest, PublicationsKeepTheirOrderAndAllTheirParts) {
  EXPECT_TRUE(Publish("1"));
  EXPECT_TRUE(Publish("2"));
  EXPECT_EQ(outbox_.publications(), 2U);
  sync::v1::WatchRequest request;
  outbox_.MoveTo(request);
  ASSERT_EQ(request.publications_size(), 2);
  EXPECT_EQ(request.publications(0).topic(), "t");
  EXPECT_EQ(request.publications(0).data(), "1");
  EXPECT_EQ(request.publications(0).origin(), "connection");
  EXPECT_EQ(request.publications(0).published_ms(), 5);
  EXPECT_EQ(request.publications(1).data(), "2");
  EXPECT_EQ(outbox_.publications(), 0U);
}

TEST_F(TopicOutboxTest, SoMuchWaitsAndNoMore) {
  const std::string large(400, 'x');
  EXPECT_TRUE(Publish(large));
  EXPECT_FALSE(Publish(large + large));
  EXPECT_TRUE(Publish("small"));
  EXPECT_EQ(Next(), large + " small");
  EXPECT_TRUE(Publish(large)) << "there is room again";
  size_t tiny = 0;
  while (Publish("")) ++tiny;
  EXPECT_LT(tiny, 10U) << "what has no bytes counts as well";
}

}  // namespace
}  // namespace topgun::gateway
