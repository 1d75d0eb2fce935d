// Publications over the Watch streams of one loop: real connections to replicas made for the test.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backend/watch_client.h"
#include "discovery/resolver.h"
#include "metrics/registry.h"
#include "probe.h"
#include "support/free_port.h"
#include "support/scripted_source.h"
#include "support/wait.h"

namespace topgun::gateway {
namespace {

namespace v1 = sync::v1;

// Forwards publications to the streams that want them, as a sync replica does.
class TopicReplica {
 public:
  TopicReplica() { Start(); }
  ~TopicReplica() { Stop(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(64 << 20);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  // Ends all streams at once, like a killed process.
  void Stop() {
    HoldReading(false);
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  void HoldReading(bool hold) {
    const std::lock_guard lock(service_.mutex);
    service_.hold = hold;
  }
  size_t carried() {
    const std::lock_guard lock(service_.mutex);
    return service_.carried;
  }
  bool Wants(const std::string& topic) {
    const std::lock_guard lock(service_.mutex);
    for (const auto& stream : service_.streams) {
      if (stream->topics.contains(topic)) return true;
    }
    return false;
  }
  // From another gateway.
  void Publish(const std::string& topic, const std::string& data) {
    v1::Publication publication;
    publication.set_topic(topic);
    publication.set_data(data);
    const std::lock_guard lock(service_.mutex);
    service_.Forward(publication);
  }

  const std::string address = "127.0.0.1:" + std::to_string(support::FreePort());

 private:
  class Service final : public v1::Sync::Service {
   public:
    using Stream = grpc::ServerReaderWriter<v1::WatchReply, v1::WatchRequest>;
    struct Watching {
      Stream* stream = nullptr;
      std::set<std::string> topics = {};
    };

    grpc::Status Watch(grpc::ServerContext* /*context*/, Stream* stream) override {
      const auto watching = std::make_shared<Watching>(Watching{.stream = stream});
      {
        const std::lock_guard lock(mutex);
        streams.insert(watching);
      }
      for (v1::WatchRequest request; stream->Read(&request);) Handle(*watching, request);
      const std::lock_guard lock(mutex);
      streams.erase(watching);
      return grpc::Status::OK;
    }

    // The mutex is held.
    void Forward(const v1::Publication& publication) {
      v1::WatchReply reply;
      *reply.add_publications() = publication;
      for (const auto& each : streams) {
        if (each->topics.contains(publication.topic())) each->stream->Write(reply);
      }
    }

    std::mutex mutex;
    std::set<std::shared_ptr<Watching>> streams;
    size_t carried = 0;
    bool hold = false;

   private:
    void Handle(Watching& watching, const v1::WatchRequest& request) {
      EXPECT_TRUE(support::WaitUntil([this] {
        const std::lock_guard lock(mutex);
        return !hold;
      }));
      const std::lock_guard lock(mutex);
      for (const std::string& topic : request.remove_topics()) watching.topics.erase(topic);
      watching.topics.insert(request.add_topics().begin(), request.add_topics().end());
      for (const v1::Publication& publication : request.publications()) {
        ++carried;
        Forward(publication);
      }
    }
  };

  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

// Remembers what is heard.
class Ear final : public ChangeObserver, public ShardObserver, public PublicationObserver {
 public:
  void OnChange(const Change&) override {}
  void OnGap(uint32_t) override {}
  void OnProgress() override {}
  void OnIncarnation(uint32_t, uint64_t) override {}
  void OnPersisted(uint32_t, const state::Position&) override {}
  void OnPublication(const Publication& publication) override {
    heard.emplace_back(publication.data);
  }
  void OnPublicationsLost(size_t count) override { lost += count; }

  std::vector<std::string> heard;
  size_t lost = 0;
};

class WatchTopicsTest : public testing::Test {
 protected:
  WatchTopicsTest() {
    watch_.Bind(ear_, ear_, ear_);
    Announce({0, 1});
    resolver_.Start();
    replicas_.Start();
    EXPECT_TRUE(RunUntil([this] { return replicas_.up_count() == 2; }));
  }
  ~WatchTopicsTest() override {
    for (TopicReplica& replica : servers_) replica.HoldReading(false);
    replicas_.Stop();
    watch_.Close();
    EXPECT_TRUE(RunUntil([this] { return active_ == 0; }));
    resolver_.Stop();
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return support::WaitUntil([&] {
      io_.restart();
      io_.poll();
      now_ = std::max(now_, Time(std::chrono::steady_clock::now()));
      replicas_.Tick(std::chrono::steady_clock::now());
      watch_.Tick(now_);
      return condition();
    });
  }
  void Announce(const std::vector<size_t>& servers) {
    std::vector<std::string> addresses;
    for (const size_t server : servers) addresses.push_back(servers_[server].address);
    script_.AnswerAt(addresses);
    script_.changed = true;
  }
  void Want(const std::string& topic) {
    watch_.AddTopic(topic);
    EXPECT_TRUE(WantedByAll(topic));
  }
  bool WantedByAll(const std::string& topic) {
    return RunUntil([&] { return servers_[0].Wants(topic) && servers_[1].Wants(topic); });
  }
  Published Publish(const std::string& data, const std::string& topic = "t") {
    return watch_.Publish({.topic = topic, .data = data, .origin = "me", .published_ms = 1});
  }
  bool Heard(size_t count) {
    return RunUntil([&] { return ear_.heard.size() == count; });
  }
  // Which server carries the topic at present.
  size_t CarrierOf(const std::string& topic) {
    const Replica* const replica = replicas_.Pick("topic/" + topic);
    return replica != nullptr && replica->address() == servers_[0].address ? 0 : 1;
  }

  using Time = WatchClient::Time;

  std::array<TopicReplica, 2> servers_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  metrics::Registry registry_{"test"};
  Probe probe_{registry_, 0};
  support::SourceScript script_;
  discovery::Resolver resolver_{{.service = "sync",
                                 .every = std::chrono::hours(1),
                                 .hurry_gap = std::chrono::milliseconds(1),
                                 .look_every = std::chrono::milliseconds(2)},
                                script_.MakeSources(),
                                registry_};
  Ear ear_;
  size_t active_ = 0;
  Time now_;
  ReplicaSet replicas_{io_, resolver_, {}, probe_};
  WatchClient watch_{io_, active_, 1, replicas_, probe_};
};

TEST_F(WatchTopicsTest, OneReplicaCarriesATopicAndTellsItsPublisherToo) {
  Want("t");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Publish(std::to_string(i)), Published::kSent);
  ASSERT_TRUE(Heard(50));
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(ear_.heard[i], std::to_string(i));
  EXPECT_EQ(servers_[CarrierOf("t")].carried(), 50U);
  EXPECT_EQ(servers_[1 - CarrierOf("t")].carried(), 0U);
}

TEST_F(WatchTopicsTest, ATopicThatNobodyWantsIsNotHeard) {
  Want("t");
  Want("u");
  watch_.RemoveTopic("t");
  EXPECT_TRUE(RunUntil([this] { return !servers_[0].Wants("t") && !servers_[1].Wants("t"); }));
  Publish("1", "t");
  Publish("2", "u");
  ASSERT_TRUE(Heard(1));
  EXPECT_EQ(ear_.heard[0], "2");
}

TEST_F(WatchTopicsTest, AnotherReplicaCarriesOnAndAStreamThatOpensAnewWantsEverything) {
  Want("t");
  const size_t carrier = CarrierOf("t");
  servers_[carrier].Stop();
  ASSERT_TRUE(RunUntil([this] { return replicas_.up_count() == 1; }));
  EXPECT_EQ(Publish("1"), Published::kSent);
  EXPECT_TRUE(Heard(1));
  watch_.AddTopic("u");
  servers_[carrier].Start();
  EXPECT_TRUE(WantedByAll("t"));
  EXPECT_TRUE(WantedByAll("u"));
  ASSERT_TRUE(RunUntil([&] { return CarrierOf("t") == carrier; }));
  EXPECT_EQ(Publish("2"), Published::kSent);
  EXPECT_TRUE(Heard(2));
}

TEST_F(WatchTopicsTest, WithoutAReplicaItIsLost) {
  for (TopicReplica& server : servers_) server.Stop();
  ASSERT_TRUE(RunUntil([this] { return replicas_.up_count() == 0; }));
  EXPECT_EQ(Publish("1"), Published::kNoReplica);
}

TEST_F(WatchTopicsTest, AReplicaThatLeavesIsHeardForAWhile) {
  Want("t");
  Announce({1});
  ASSERT_TRUE(RunUntil([this] { return replicas_.Pick("m", 0) == replicas_.Pick("m", 1); }));
  servers_[0].Publish("t", "from a gateway that does not know yet");
  EXPECT_TRUE(Heard(1));
  EXPECT_EQ(replicas_.all().size(), 2U);
  now_ += WatchClient::kTopicLinger;
  EXPECT_TRUE(RunUntil([this] { return replicas_.all().size() == 1; }));
}

TEST_F(WatchTopicsTest, WhatAReplicaDoesNotTakeWaitsWithinALimit) {
  Want("t");
  TopicReplica& carrier = servers_[CarrierOf("t")];
  carrier.HoldReading(true);
  const std::string data(400'000, 'x');
  size_t sent = 0;
  while (sent < 1'000 && Publish(data + std::to_string(sent)) == Published::kSent) {
    ++sent;
    io_.poll();
  }
  ASSERT_LT(sent, 1'000U);
  EXPECT_EQ(Publish(data), Published::kBackedUp);
  carrier.HoldReading(false);
  ASSERT_TRUE(Heard(sent));
  for (size_t i = 0; i < sent; ++i) ASSERT_EQ(ear_.heard[i], data + std::to_string(i));

  carrier.HoldReading(true);
  while (Publish(data) == Published::kSent) io_.poll();
  carrier.Stop();
  EXPECT_TRUE(RunUntil([this] { return ear_.lost > 0; }));
}

}  // namespace
}  // namespace topgun::gateway
