// topgun-sync as a process: publications between Watch streams (features.md 2).
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/http_client.h"
#include "support/redis_server.h"
#include "support/wait.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

// A Watch stream as a gateway holds it.
class TopicStream {
 public:
  explicit TopicStream(v1::Sync::Stub& stub) {
    context_.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    stream_ = stub.Watch(&context_);
  }
  ~TopicStream() {
    context_.TryCancel();
    stream_->Finish();
  }

  void Change(const std::vector<std::string>& add, const std::vector<std::string>& remove = {}) {
    v1::WatchRequest request;
    request.mutable_add_topics()->Assign(add.begin(), add.end());
    request.mutable_remove_topics()->Assign(remove.begin(), remove.end());
    EXPECT_TRUE(stream_->Write(request));
  }
  void Publish(const std::string& topic, const std::string& data) {
    v1::WatchRequest request;
    v1::Publication& publication = *request.add_publications();
    publication.set_topic(topic);
    publication.set_data(data);
    publication.set_origin("connection");
    publication.set_published_ms(kWritten);
    EXPECT_TRUE(stream_->Write(request));
  }
  // The next publication.
  v1::Publication Next() {
    while (heard_.empty()) {
      v1::WatchReply reply;
      if (!stream_->Read(&reply)) {
        ADD_FAILURE() << "the stream ended";
        return {};
      }
      heard_.insert(heard_.end(), reply.publications().begin(), reply.publications().end());
    }
    const v1::Publication next = heard_.front();
    heard_.erase(heard_.begin());
    return next;
  }
  // Waits until whatever was asked for before is done: this stream hears itself.
  void Settle() {
    const std::string topic = "settle/" + std::to_string(reinterpret_cast<uintptr_t>(this));
    Change({topic});
    Publish(topic, "");
    while (Next().topic() != topic) continue;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WatchRequest, v1::WatchReply>> stream_;
  std::vector<v1::Publication> heard_;
};

class SyncTopicsTest : public testing::Test {
 protected:
  double Metric(const std::string& series) const {
    std::string body;
    EXPECT_EQ(support::HttpExchange(process_.admin_port(), "GET", "/metrics", &body), 200);
    const size_t at = body.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(body.substr(at + series.size() + 2));
  }

  support::RedisServer redis_;
  SyncProcess process_{redis_.address(), "null", 1};
};

TEST_F(SyncTopicsTest, PublicationsReachTheStreamsThatWantThem) {
  TopicStream publisher(process_.stub());
  TopicStream reader(process_.stub());
  TopicStream both(process_.stub());
  reader.Change({"t", "u"});
  both.Change({"t"});
  reader.Settle();
  both.Settle();
  publisher.Change({"t"});
  for (int i = 0; i < 20; ++i) publisher.Publish(i % 2 == 0 ? "t" : "u", std::to_string(i));
  for (int i = 0; i < 20; ++i) {
    const v1::Publication heard = reader.Next();
    EXPECT_EQ(heard.data(), std::to_string(i));
    EXPECT_EQ(heard.topic(), i % 2 == 0 ? "t" : "u");
    EXPECT_EQ(heard.origin(), "connection");
    EXPECT_EQ(heard.published_ms(), kWritten);
  }
  for (int i = 0; i < 20; i += 2) {
    EXPECT_EQ(both.Next().data(), std::to_string(i));
    EXPECT_EQ(publisher.Next().data(), std::to_string(i)) << "its gateway leaves the origin out";
  }
}

TEST_F(SyncTopicsTest, ARemovedTopicIsNotForwarded) {
  TopicStream publisher(process_.stub());
  TopicStream reader(process_.stub());
  reader.Change({"t", "u"});
  reader.Settle();
  reader.Change({}, {"t"});
  reader.Settle();
  publisher.Publish("t", "1");
  publisher.Publish("u", "2");
  EXPECT_EQ(reader.Next().data(), "2");
}

TEST_F(SyncTopicsTest, AStreamThatEndsIsForgotten) {
  {
    TopicStream reader(process_.stub());
    reader.Change({"t", "u"});
    EXPECT_TRUE(support::WaitUntil([&] { return Metric("sync_topic_subscriptions") == 2; }));
  }
  EXPECT_TRUE(support::WaitUntil([&] { return Metric("sync_topic_subscriptions") == 0; }));
}

TEST_F(SyncTopicsTest, AWatcherThatDoesNotReadLosesTheNewest) {
  TopicStream publisher(process_.stub());
  TopicStream reader(process_.stub());
  TopicStream swift(process_.stub());
  reader.Change({"t"});
  reader.Settle();
  swift.Change({"t"});
  swift.Settle();
  const std::string lost = R"(sync_publications_lost_total{reason="slow_watcher"})";
  const std::string filling(500'000, 'x');
  int published = 0;
  while (Metric(lost) == 0 && published < 200) {
    publisher.Publish("t", std::to_string(published) + filling);
    EXPECT_EQ(swift.Next().data(), std::to_string(published++) + filling) << "others hear all";
  }
  EXPECT_GT(Metric(lost), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reader.Next().data(), std::to_string(i) + filling);
}

}  // namespace
}  // namespace topgun::sync
