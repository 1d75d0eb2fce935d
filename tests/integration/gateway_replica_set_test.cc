// The sync replicas of one loop while their addresses change: real connections, scripted addresses.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backend/replica_set.h"
#include "discovery/resolver.h"
#include "metrics/registry.h"
#include "probe.h"
#include "support/scripted_source.h"
#include "support/wait.h"

namespace topgun::gateway {
namespace {

class TestServer {
 public:
  TestServer() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~TestServer() { Stop(); }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  std::string address;

 private:
  sync::v1::Sync::CallbackService service_;
  std::unique_ptr<grpc::Server> server_;
};

class FakeObserver final : public ReplicaSet::Observer {
 public:
  void OnReplicasChanged() override { ++changes; }
  bool Uses(const Replica& replica) const override { return in_use.contains(replica.address()); }
  void OnReplicaRemoved(Replica& replica) override { removed.push_back(replica.address()); }

  int changes = 0;
  std::set<std::string> in_use;
  std::vector<std::string> removed;
};

class ReplicaSetTest : public testing::Test {
 protected:
  ReplicaSetTest() {
    replicas_.Observe(observer_);
    script_.AnswerAt({first_.address});
    resolver_.Start();
    replicas_.Start();
    EXPECT_TRUE(RunUntil([this] { return replicas_.up_count() == 1; }));
  }
  ~ReplicaSetTest() override {
    replicas_.Stop();
    resolver_.Stop();
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return support::WaitUntil([&] {
      io_.restart();
      io_.poll();
      replicas_.Tick(std::chrono::steady_clock::now());
      return condition();
    });
  }
  void Announce(const std::vector<std::string>& addresses) {
    script_.AnswerAt(addresses);
    script_.changed = true;
  }
  Replica* Find(const std::string& address) {
    for (const auto& replica : replicas_.all()) {
      if (replica->address() == address) return replica.get();
    }
    return nullptr;
  }
  bool Leaving(const std::string& address) {
    return RunUntil([&] { return Find(address) != nullptr && !Find(address)->listed(); });
  }
  bool Shows(const std::string& sample) {
    return registry_.Render().find(sample + "\n") != std::string::npos;
  }

  TestServer first_;
  TestServer second_;
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
  FakeObserver observer_;
  ReplicaSet replicas_{io_, resolver_, {}, probe_};
};

TEST_F(ReplicaSetTest, ANewAddressIsUsedAndOneThatLeavesIsNot) {
  Announce({first_.address, second_.address});
  EXPECT_TRUE(RunUntil([this] { return replicas_.up_count() == 2; }));
  EXPECT_TRUE(Shows("gateway_sync_replicas_up 2"));
  const int changes = observer_.changes;
  Announce({second_.address});
  EXPECT_TRUE(RunUntil([this] { return replicas_.all().size() == 1; }));
  EXPECT_EQ(observer_.removed, std::vector<std::string>{first_.address});
  EXPECT_GT(observer_.changes, changes) << "its work has to be moved";
  EXPECT_EQ(replicas_.Pick("m")->address(), second_.address);
}

TEST_F(ReplicaSetTest, OneThatLeavesStaysAsLongAsItIsUsed) {
  Announce({first_.address, second_.address});
  ASSERT_TRUE(RunUntil([this] { return replicas_.up_count() == 2; }));
  observer_.in_use = {first_.address};
  Announce({second_.address});
  ASSERT_TRUE(Leaving(first_.address));
  EXPECT_TRUE(Shows("gateway_sync_replicas_leaving 1"));
  for (size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(replicas_.Pick("m", rank)->address(), second_.address);
  }
  EXPECT_TRUE(observer_.removed.empty());
  observer_.in_use.clear();
  EXPECT_TRUE(RunUntil([this] { return replicas_.all().size() == 1; }));
  EXPECT_TRUE(Shows("gateway_sync_replicas_leaving 0"));
}

TEST_F(ReplicaSetTest, AnAddressThatComesBackGoesOnWithItsConnection) {
  Announce({first_.address, second_.address});
  ASSERT_TRUE(RunUntil([this] { return replicas_.up_count() == 2; }));
  observer_.in_use = {first_.address};
  const Replica* const before = Find(first_.address);
  Announce({second_.address});
  ASSERT_TRUE(Leaving(first_.address));
  Announce({first_.address, second_.address});
  EXPECT_TRUE(RunUntil([this] { return replicas_.up_count() == 2; }));
  EXPECT_EQ(Find(first_.address), before);
  EXPECT_TRUE(observer_.removed.empty());
}

TEST_F(ReplicaSetTest, ALostConnectionAsksForTheAddressesAgain) {
  const int reads = script_.reads;
  script_.AnswerAt({second_.address});  // nobody has been told yet
  first_.Stop();
  EXPECT_TRUE(RunUntil([this] {
    return replicas_.up_count() == 1 && replicas_.Pick("m")->address() == second_.address;
  }));
  EXPECT_GT(script_.reads, reads);
}

TEST_F(ReplicaSetTest, AFailedStreamAsksForTheAddressesAgain) {
  const int reads = script_.reads;
  Find(first_.address)->MarkFailed();
  EXPECT_TRUE(RunUntil([&] { return script_.reads > reads; }));
  EXPECT_TRUE(RunUntil([this] { return replicas_.up_count() == 1; })) << "after its backoff";
}

}  // namespace
}  // namespace topgun::gateway
