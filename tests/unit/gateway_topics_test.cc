// Topics of one loop between fakes: subscriptions, publications, policies, limits (features.md 2).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "msgpack/reader.h"
#include "wire/batch.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kTopicsNow = 1'700'000'000'000;
const std::string kHi("\xa2hi");

std::string SubFrame(std::string_view topic) {
  std::string frame;
  wire::EncodeTopicSub({.topic = topic}, frame);
  return frame;
}

std::string PubFrame(std::string_view topic, std::string_view data = kHi) {
  std::string frame;
  wire::EncodeTopicPub({.topic = topic, .data = data}, frame);
  return frame;
}

// A client, and what it hears in a few letters per frame.
class TopicClient {
 public:
  explicit TopicClient(DispatchHarness& gateway) : handler_(gateway.table.OnOpen(session)) {}
  ~TopicClient() { handler_.OnClosed(CloseCause::kPeer); }
  TopicClient(const TopicClient&) = delete;
  TopicClient& operator=(const TopicClient&) = delete;

  void Subscribe(std::string_view topic) { handler_.OnMessage(SubFrame(topic), true); }
  void Unsubscribe(std::string_view topic) {
    std::string frame;
    wire::EncodeTopicUnsub({.topic = topic}, frame);
    handler_.OnMessage(frame, true);
  }
  void Publish(std::string_view topic, std::string_view data = kHi) {
    handler_.OnMessage(PubFrame(topic, data), true);
  }
  void Send(std::string_view frame) { handler_.OnMessage(frame, true); }
  Connection& connection() { return static_cast<Connection&>(handler_); }

  // e.g. "t=hi 403:Access Denied for topic t"
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!text.empty()) text.push_back(' ');
      text.append(Describe(frame));
    }
    return text;
  }

  FakeSession session;

 private:
  static std::string Describe(const wire::ServerFrame& frame) {
    if (frame.type == wire::FrameType::kError) {
      return std::to_string(frame.error.code) + ":" + std::string(frame.error.message);
    }
    EXPECT_EQ(frame.type, wire::FrameType::kTopicMessage);
    EXPECT_EQ(frame.topic_message.timestamp, kTopicsNow);
    EXPECT_FALSE(frame.topic_message.publisher_id);
    std::string_view text = "?";
    msgpack::Reader(frame.topic_message.data).ReadStr(&text);
    return std::string(frame.topic_message.topic) + "=" + std::string(text);
  }

  SessionHandler& handler_;
};

class TopicsTest : public ::testing::Test {
 protected:
  // What is published goes round through the cluster.
  void Deliver() { gateway_.bus.Deliver(gateway_.topics); }
  std::string HeardBy(TopicClient& client) {
    Deliver();
    return client.Heard();
  }
  void PoliciesChange() {
    gateway_.gate.OnPoliciesChanged();
    gateway_.turns.Run();
  }
  bool Shows(const std::string& sample) {
    return gateway_.registry.Render().find("\n" + sample + "\n") != std::string::npos;
  }

  DispatchHarness gateway_;
  TopicClient alice_{gateway_};
  TopicClient bob_{gateway_};
};

TEST_F(TopicsTest, AMessageReachesEverySubscriberButThePublisher) {
  TopicClient carol(gateway_);
  TopicClient stranger(gateway_);
  for (TopicClient* const client : {&alice_, &bob_, &carol}) client->Subscribe("chat/room-1");
  stranger.Subscribe("chat/room-2");
  alice_.Publish("chat/room-1");
  Deliver();
  EXPECT_EQ(bob_.Heard(), "chat/room-1=hi");
  EXPECT_EQ(carol.Heard(), "chat/room-1=hi");
  EXPECT_EQ(alice_.Heard(), "") << "no acknowledgement, and not its own message";
  EXPECT_EQ(stranger.Heard(), "");
  EXPECT_TRUE(Shows("gateway_publications_total 1"));
  EXPECT_TRUE(Shows("gateway_topic_messages_total 2"));
}

TEST_F(TopicsTest, NothingIsDeliveredThatDidNotGoRound) {
  bob_.Subscribe("t");
  alice_.Publish("t");
  EXPECT_EQ(bob_.Heard(), "");
  EXPECT_EQ(HeardBy(bob_), "t=hi");
}

TEST_F(TopicsTest, APublicationIsWhatTheClusterIsTold) {
  alice_.Publish("t", "\x92\x01\xc0");
  alice_.Publish("t", "");
  ASSERT_EQ(gateway_.bus.sent.size(), 2U);
  EXPECT_EQ(gateway_.bus.sent[0].topic, "t");
  EXPECT_EQ(gateway_.bus.sent[0].data, "\x92\x01\xc0");
  EXPECT_EQ(gateway_.bus.sent[0].origin, alice_.connection().origin());
  EXPECT_EQ(gateway_.bus.sent[0].published_ms, kTopicsNow);
  EXPECT_EQ(gateway_.bus.sent[1].data, "\xc0") << "absent data is nil";
}

TEST_F(TopicsTest, ReceiversShareTheBytes) {
  class SharingSession final : public Session {
   public:
    const UpgradeRequest& request() const override { return upgrade; }
    void Reply(std::string) override {}
    void Urgent(std::string) override {}
    bool Push(PushFrame push) override {
      EXPECT_TRUE(push.lossy);
      EXPECT_EQ(push.stream, 0U) << "messages of a topic do not replace each other";
      bytes = push.head;
      return true;
    }
    void Close(CloseCause) override {}
    size_t queued_bytes() const override { return 0; }
    Backlog backlog() const override { return Backlog::kNone; }
    void Trim() override {}
    void SetMessageBytesMax(uint64_t) override {}
    void PauseReading(bool) override {}

    UpgradeRequest upgrade;
    SharedBytes bytes;
  };
  SharingSession sessions[2];
  std::vector<SessionHandler*> handlers;
  for (SharingSession& session : sessions) {
    handlers.push_back(&gateway_.table.OnOpen(session));
    handlers.back()->OnMessage(SubFrame("t"), true);
  }
  alice_.Publish("t");
  Deliver();
  EXPECT_NE(sessions[0].bytes, nullptr);
  EXPECT_EQ(sessions[0].bytes, sessions[1].bytes);
  for (SessionHandler* const handler : handlers) handler->OnClosed(CloseCause::kPeer);
}

TEST_F(TopicsTest, InterestLastsWhileAnybodySubscribes) {
  alice_.Subscribe("t");
  alice_.Subscribe("t");
  bob_.Subscribe("t");
  EXPECT_TRUE(Shows("gateway_topic_subscriptions 2"));
  EXPECT_TRUE(Shows("gateway_topics 1"));
  alice_.Unsubscribe("t");
  alice_.Unsubscribe("t");
  alice_.Unsubscribe("never");
  alice_.Unsubscribe("no topic!");
  EXPECT_EQ(gateway_.bus.topics, std::set<std::string>{"t"});
  bob_.Unsubscribe("t");
  EXPECT_EQ(gateway_.bus.topics, std::set<std::string>());
  EXPECT_TRUE(Shows("gateway_topic_subscriptions 0"));
  EXPECT_TRUE(Shows("gateway_topics 0"));
  EXPECT_EQ(alice_.Heard() + bob_.Heard(), "");
}

TEST_F(TopicsTest, SubscribingTwiceHasNoExtraEffect) {
  bob_.Subscribe("t");
  bob_.Subscribe("t");
  alice_.Publish("t");
  EXPECT_EQ(HeardBy(bob_), "t=hi");
  bob_.Unsubscribe("t");
  alice_.Publish("t");
  EXPECT_EQ(HeardBy(bob_), "");
}

TEST_F(TopicsTest, AMessageOnItsWayDoesNotReachWhoHasUnsubscribed) {
  TopicClient carol(gateway_);
  bob_.Subscribe("t");
  carol.Subscribe("t");
  alice_.Publish("t");
  bob_.Unsubscribe("t");
  EXPECT_EQ(HeardBy(bob_), "");
  EXPECT_EQ(carol.Heard(), "t=hi");
}

TEST_F(TopicsTest, WhoLeavesIsForgotten) {
  {
    TopicClient carol(gateway_);
    carol.Subscribe("t");
    carol.Subscribe("u");
    bob_.Subscribe("u");
  }
  EXPECT_EQ(gateway_.bus.topics, std::set<std::string>{"u"});
  alice_.Publish("u");
  EXPECT_EQ(HeardBy(bob_), "u=hi");
}

TEST_F(TopicsTest, NamesAreChecked) {
  for (const std::string& name : {std::string(), std::string("a b"), std::string(257, 'x')}) {
    bob_.Subscribe(name);
    EXPECT_EQ(bob_.Heard(), "400:Invalid topic name");
    alice_.Publish(name);
    EXPECT_EQ(alice_.Heard(), "400:Invalid topic name");
  }
  EXPECT_TRUE(gateway_.bus.topics.empty());
  EXPECT_TRUE(gateway_.bus.sent.empty());
}

TEST_F(TopicsTest, AConnectionMayHoldAHundredSubscriptions) {
  for (int i = 0; i < 100; ++i) bob_.Subscribe("t" + std::to_string(i));
  EXPECT_EQ(bob_.Heard(), "");
  bob_.Subscribe("one-more");
  EXPECT_EQ(bob_.Heard(), "400:Subscription limit reached");
  bob_.Subscribe("t7");
  EXPECT_EQ(bob_.Heard(), "") << "it is there already";
  bob_.Unsubscribe("t7");
  bob_.Subscribe("one-more");
  EXPECT_EQ(bob_.Heard(), "");
}

TEST_F(TopicsTest, ALoopHoldsSoManyTopics) {
  FakeBus bus;
  Topics topics({.topics_max = 2}, bus, gateway_.access, gateway_.clock, gateway_.registry);
  topics.OnSubscribe(alice_.connection(), "a");
  topics.OnSubscribe(alice_.connection(), "b");
  EXPECT_EQ(alice_.Heard(), "");
  topics.OnSubscribe(bob_.connection(), "c");
  EXPECT_EQ(bob_.Heard(), "429:too many topics");
  topics.OnSubscribe(bob_.connection(), "a");
  EXPECT_EQ(bob_.Heard(), "");
  topics.Forget(alice_.connection());
  topics.OnSubscribe(bob_.connection(), "c");
  EXPECT_EQ(bob_.Heard(), "");
  EXPECT_EQ(bus.topics, (std::set<std::string>{"a", "c"}));
  topics.Forget(bob_.connection());
}

TEST_F(TopicsTest, DataIsLimitedAndOfAKindThatClientsCanRead) {
  const size_t most = TopicOptions().publication_bytes_max;
  const auto data_of = [](size_t bytes) {  // str 32
    const auto size = static_cast<uint32_t>(bytes - 5);
    std::string data("\xdb");
    for (int shift = 24; shift >= 0; shift -= 8) data.push_back(static_cast<char>(size >> shift));
    return data.append(size, 'x');
  };
  alice_.Publish("t", data_of(most));
  EXPECT_EQ(alice_.Heard(), "");
  EXPECT_EQ(gateway_.bus.sent.size(), 1U);
  alice_.Publish("t", data_of(most + 1));
  EXPECT_EQ(alice_.Heard(), "413:data: 523265 bytes exceed the maximum of 523264 bytes");
  alice_.Publish("t", std::string("\xd4\x05z"));
  EXPECT_EQ(alice_.Heard(), "400:data: must hold no extensions and only string keys");
  EXPECT_EQ(gateway_.bus.sent.size(), 1U);
}

TEST_F(TopicsTest, WhoReadsTooSlowlyLosesMessagesAndStays) {
  TopicClient carol(gateway_);
  bob_.Subscribe("t");
  carol.Subscribe("t");
  bob_.session.slow = true;
  alice_.Publish("t");
  EXPECT_EQ(HeardBy(carol), "t=hi");
  EXPECT_EQ(bob_.Heard(), "");
  EXPECT_FALSE(bob_.session.closed);
  EXPECT_TRUE(Shows(R"(gateway_topic_messages_lost_total{reason="slow_reader"} 1)"));
  EXPECT_TRUE(Shows("gateway_topic_messages_total 1"));
}

TEST_F(TopicsTest, WhatTheClusterDoesNotTakeIsLostAndCounted) {
  bob_.Subscribe("t");
  gateway_.bus.result = Published::kNoReplica;
  alice_.Publish("t");
  gateway_.bus.result = Published::kBackedUp;
  alice_.Publish("t");
  alice_.Publish("t");
  gateway_.topics.OnPublicationsLost(4);
  EXPECT_EQ(HeardBy(bob_) + alice_.Heard(), "");
  EXPECT_TRUE(Shows(R"(gateway_publications_lost_total{reason="no_replica"} 1)"));
  EXPECT_TRUE(Shows(R"(gateway_publications_lost_total{reason="backed_up"} 2)"));
  EXPECT_TRUE(Shows(R"(gateway_publications_lost_total{reason="stream_ended"} 4)"));
  EXPECT_TRUE(Shows("gateway_publications_total 0"));
}

TEST_F(TopicsTest, FramesInsideABatchCount) {
  bob_.Subscribe("t");
  std::string data;
  wire::AppendBatchItem(PubFrame("t",
                                 "\xa1"
                                 "1"),
                        data);
  wire::AppendBatchItem(PubFrame("t",
                                 "\xa1"
                                 "2"),
                        data);
  std::string batch;
  wire::EncodeBatch({.data = data}, batch);
  alice_.Send(batch);
  EXPECT_EQ(HeardBy(bob_), "t=1 t=2");
}

TEST_F(TopicsTest, PublishingIsAWrite) {
  bob_.Subscribe("t");
  gateway_.access.Deny(Action::kWrite, "t");
  alice_.Publish("t");
  EXPECT_EQ(alice_.Heard(), "403:Access Denied for topic t");
  EXPECT_EQ(HeardBy(bob_), "");
  alice_.Subscribe("t");
  EXPECT_EQ(alice_.Heard(), "") << "reading is another question";
}

TEST_F(TopicsTest, SubscribingIsARead) {
  gateway_.access.Deny(Action::kRead, "t");
  bob_.Subscribe("t");
  EXPECT_EQ(bob_.Heard(), "403:Access Denied for topic t");
  bob_.Subscribe("t");
  EXPECT_EQ(bob_.Heard(), "403:Access Denied for topic t") << "told each time";
  alice_.Publish("t");
  EXPECT_EQ(HeardBy(bob_), "");
  EXPECT_EQ(alice_.Heard(), "");
}

TEST_F(TopicsTest, ChangedPoliciesEndDeliveriesAndBringThemBack) {
  TopicClient carol(gateway_);
  for (TopicClient* const client : {&bob_, &carol}) {
    client->Subscribe("t");
    client->Subscribe("u");
  }
  gateway_.access.Deny(Action::kRead, "t");
  PoliciesChange();
  PoliciesChange();
  EXPECT_EQ(bob_.Heard(), "403:Access Denied for topic t") << "once";
  EXPECT_EQ(carol.Heard(), "403:Access Denied for topic t");
  alice_.Publish("t");
  alice_.Publish("u");
  EXPECT_EQ(HeardBy(bob_), "u=hi");
  gateway_.access.Allow(Action::kRead, "t");
  PoliciesChange();
  carol.Unsubscribe("t");
  alice_.Publish("t");
  EXPECT_EQ(HeardBy(bob_), "t=hi") << "what was published meanwhile is gone";
  EXPECT_EQ(carol.Heard(), "u=hi");
}

TEST_F(TopicsTest, FramesWaitUntilThePoliciesAreKnown) {
  gateway_.access.Become(AccessControl::State::kUnknown);
  bob_.Subscribe("t");
  alice_.Publish("t");
  EXPECT_TRUE(gateway_.bus.topics.empty());
  EXPECT_EQ(gateway_.gate.held(), 2U);
  gateway_.access.Become(AccessControl::State::kOpen);
  PoliciesChange();
  EXPECT_EQ(HeardBy(bob_), "t=hi");
}

TEST_F(TopicsTest, UnknownPoliciesRefuseForNow) {
  bob_.Subscribe("t");
  gateway_.access.Become(AccessControl::State::kUnknown);
  PoliciesChange();
  const std::string refused = "503:access policies are not known yet, topic cannot be used: t";
  EXPECT_EQ(bob_.Heard(), refused);
  alice_.Publish("t");
  gateway_.Tick(2 * AccessGateOptions().wait);
  EXPECT_EQ(alice_.Heard(), refused);
  bob_.Unsubscribe("t");
  EXPECT_EQ(gateway_.bus.topics, std::set<std::string>()) << "needs no policy";
}

TEST_F(TopicsTest, FramesCountForTheRateLimiter) {
  DispatchOptions options;
  options.ops_burst = 2;
  options.ops_per_second = 1e-9;
  DispatchHarness strict(false, options);
  TopicClient client(strict);
  client.Publish("t");
  client.Subscribe("t");
  EXPECT_EQ(client.Heard(), "");
  client.Publish("t");
  EXPECT_EQ(client.Heard(), "429:rate limit exceeded, slow down");
  EXPECT_EQ(strict.bus.sent.size(), 1U);
}

TEST_F(TopicsTest, ASubscriptionBeyondTheRateIsMadeToComeAgain) {
  DispatchOptions options;
  options.ops_burst = 1;
  options.ops_per_second = 0.01;
  options.idle_timeout = std::chrono::hours(1);
  DispatchHarness strict(false, options);
  TopicClient client(strict);
  client.Publish("t");
  client.Subscribe("t");
  EXPECT_EQ(client.Heard(), "429:rate limit exceeded, slow down");
  strict.Tick(std::chrono::seconds(200));
  EXPECT_EQ(client.session.TakeTypes(), "AUTH_ACK") << "clients subscribe again then";
}

}  // namespace
}  // namespace topgun::gateway
