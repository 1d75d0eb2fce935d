// Publications between streams: who gets which, in what order, and what is left out.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "metrics/registry.h"
#include "service/topic_hub.h"

namespace topgun::sync {
namespace {

class FakeSink final : public TopicSink {
 public:
  bool OnPublication(const v1::Publication& publication) override {
    const std::lock_guard lock(mutex_);
    if (slow) return false;
    heard_.push_back(publication);
    return true;
  }
  std::vector<v1::Publication> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(heard_, {});
  }
  // e.g. "t=1 u=2"
  std::string Heard() {
    std::string text;
    for (const v1::Publication& each : Take()) {
      if (!text.empty()) text.push_back(' ');
      text.append(each.topic()).append("=").append(each.data());
    }
    return text;
  }

  bool slow = false;

 private:
  std::mutex mutex_;
  std::vector<v1::Publication> heard_;
};

v1::Publication PublicationOf(const std::string& topic, const std::string& data,
                              const std::string& origin = "connection") {
  v1::Publication publication;
  publication.set_topic(topic);
  publication.set_data(data);
  publication.set_origin(origin);
  return publication;
}

class TopicHubTest : public ::testing::Test {
 protected:
  void Publish(const std::string& topic, const std::string& data) {
    hub_.Publish(PublicationOf(topic, data));
  }
  bool Shows(const std::string& sample) {
    return registry_.Render().find("\n" + sample + "\n") != std::string::npos;
  }

  metrics::Registry registry_;
  Probe probe_{registry_};
  TopicHub hub_{{.topics_max = 3, .publication_bytes_max = 1'000}, probe_};
  const std::shared_ptr<FakeSink> first_ = std::make_shared<FakeSink>();
  const std::shared_ptr<FakeSink> second_ = std::make_shared<FakeSink>();
};

TEST_F(TopicHubTest, EveryStreamGetsWhatItWants) {
  hub_.Add(first_, "t");
  hub_.Add(second_, "t");
  hub_.Add(second_, "u");
  Publish("t", "1");
  Publish("u", "2");
  Publish("t/below", "3");
  EXPECT_EQ(first_->Heard(), "t=1");
  EXPECT_EQ(second_->Heard(), "t=1 u=2");
  EXPECT_TRUE(Shows("sync_publications_total 3"));
  EXPECT_TRUE(Shows("sync_publications_forwarded_total 3"));
  EXPECT_TRUE(Shows("sync_topic_subscriptions 3"));
}

TEST_F(TopicHubTest, APublicationIsPassedOnWhole) {
  hub_.Add(first_, "t");
  v1::Publication publication = PublicationOf("t", "data");
  publication.set_published_ms(7);
  hub_.Publish(publication);
  const auto heard = first_->Take();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].SerializeAsString(), publication.SerializeAsString());
}

TEST_F(TopicHubTest, WantingTwiceIsWantingOnce) {
  hub_.Add(first_, "t");
  hub_.Add(first_, "t");
  Publish("t", "1");
  EXPECT_EQ(first_->Heard(), "t=1");
  hub_.Remove(first_, "t");
  hub_.Remove(first_, "t");
  hub_.Remove(second_, "never");
  Publish("t", "2");
  EXPECT_EQ(first_->Heard(), "");
  EXPECT_TRUE(Shows("sync_topic_subscriptions 0"));
}

TEST_F(TopicHubTest, AStreamThatEndsIsForgotten) {
  for (const char* const topic : {"t", "u"}) {
    hub_.Add(first_, topic);
    hub_.Add(second_, topic);
  }
  hub_.Forget(first_);
  hub_.Forget(first_);
  EXPECT_EQ(first_.use_count(), 1) << "nothing holds it";
  Publish("t", "1");
  EXPECT_EQ(first_->Heard(), "");
  EXPECT_EQ(second_->Heard(), "t=1");
  EXPECT_TRUE(Shows("sync_topic_subscriptions 2"));
}

TEST_F(TopicHubTest, AStreamWantsSoManyTopics) {
  for (const char* const topic : {"a", "b", "c"}) EXPECT_TRUE(hub_.Add(first_, topic));
  EXPECT_FALSE(hub_.Add(first_, "d"));
  EXPECT_TRUE(hub_.Add(first_, "a"));
  EXPECT_TRUE(hub_.Add(second_, "d")) << "others have their own share";
  EXPECT_TRUE(Shows("sync_topics_refused_total 1"));
  hub_.Remove(first_, "a");
  EXPECT_TRUE(hub_.Add(first_, "d"));
  Publish("d", "1");
  EXPECT_EQ(first_->Heard(), "d=1");
}

TEST_F(TopicHubTest, WhatDoesNotFitIsLostAndCounted) {
  hub_.Add(first_, "t");
  hub_.Add(second_, "t");
  first_->slow = true;
  Publish("t", "1");
  EXPECT_EQ(second_->Heard(), "t=1") << "others do not suffer";
  EXPECT_TRUE(Shows(R"(sync_publications_lost_total{reason="slow_watcher"} 1)"));
  Publish("t", std::string(1'000, 'x'));
  EXPECT_EQ(second_->Heard(), "");
  EXPECT_TRUE(Shows(R"(sync_publications_lost_total{reason="too_large"} 1)"));
  EXPECT_TRUE(Shows("sync_publications_forwarded_total 1"));
}

// Publishers on threads of their own, while others come and go.
TEST_F(TopicHubTest, WhatComesFromOneThreadStaysInOrder) {
  constexpr int kPublishers = 3;
  constexpr int kEach = 2'000;
  hub_.Add(first_, "t");
  std::vector<std::thread> threads;
  for (int publisher = 0; publisher < kPublishers; ++publisher) {
    threads.emplace_back([this, origin = std::to_string(publisher)] {
      for (int i = 0; i < kEach; ++i) {
        hub_.Publish(PublicationOf("t", std::to_string(i), origin));
      }
    });
  }
  threads.emplace_back([this] {
    for (int i = 0; i < kEach; ++i) {
      hub_.Add(second_, "t");
      hub_.Forget(second_);
    }
  });
  for (std::thread& thread : threads) thread.join();
  std::map<std::string, int> next;
  for (const v1::Publication& each : first_->Take()) {
    ASSERT_EQ(each.data(), std::to_string(next[each.origin()]++)) << "of " << each.origin();
  }
  for (int publisher = 0; publisher < kPublishers; ++publisher) {
    EXPECT_EQ(next[std::to_string(publisher)], kEach);
  }
  EXPECT_EQ(second_.use_count(), 1);
}

}  // namespace
}  // namespace topgun::sync
