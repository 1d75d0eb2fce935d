// redis::Client over a real Redis Cluster whose slots move and whose nodes die, and over Sentinels.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/registry.h"
#include "redis/client.h"
#include "redis/client_metrics.h"
#include "redis_client.h"
#include "state/scripts.h"
#include "support/child_process.h"
#include "support/free_port.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

namespace topgun::redis {
namespace {

using namespace std::chrono_literals;
using support::FreePort;
using support::RedisServer;
using support::WaitUntil;

// A client with one route per key; a journal of what it reports.
class ClientTest : public testing::Test {
 protected:
  Route& Add(const std::string& name, const std::string& key) {
    return client_->AddRoute(
        key, {.connected = [this, name] { journal_.push_back(name + " up"); },
              .disconnected = [this, name](const Status&) { journal_.push_back(name + " down"); }});
  }
  // Only what happens makes it ask.
  void Make(Topology topology, std::chrono::milliseconds refresh_pause = 20ms) {
    ClientOptions options{.topology = std::move(topology)};
    options.refresh_pause = refresh_pause;
    options.refresh_interval = 1h;
    client_ = std::make_unique<Client>(
        io_, std::move(options),
        ClientEvents{.topology_unknown = [this](const Status& reason) { unknown_ = reason; }},
        &metrics_);
  }
  bool RunUntil(const std::function<bool()>& condition) { return redis::RunUntil(io_, condition); }
  bool Connected() {
    return RunUntil([this] { return client_->connected(); });
  }
  std::string Ask(Route& route, std::initializer_list<std::string_view> args) {
    std::optional<std::string> answer;
    route.Send(args, [&](const StatusOr<Reply>& reply) { answer = Render(reply); });
    EXPECT_TRUE(RunUntil([&] { return answer.has_value(); }));
    return answer.value_or("");
  }
  double Metric(const std::string& line) {
    const std::string text = registry_.Render();
    const size_t at = text.find("\n" + line + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
  }

  boost::asio::io_context io_;
  metrics::Registry registry_;
  ClientMetrics metrics_{registry_, "test"};
  std::unique_ptr<Client> client_;
  std::vector<std::string> journal_;
  Status unknown_;
};

using Journal = std::vector<std::string>;

// Three primaries with a third of the slots each, and no replicas.
class ClusterTest : public ClientTest {
 protected:
  struct Node {
    uint16_t port = FreePort();
    uint16_t bus_port = FreePort();
    RedisServer server{{"--port", std::to_string(port), "--bind", "127.0.0.1", "--cluster-enabled",
                        "yes", "--cluster-port", std::to_string(bus_port), "--cluster-node-timeout",
                        "1000", "--cluster-require-full-coverage", "no"}};

    std::string address() const { return "127.0.0.1:" + std::to_string(port); }
    std::string Send(std::initializer_list<std::string_view> args) const {
      return Render(RedisClient(server.address()).Send(args));
    }
    std::string Id() const {
      const std::string quoted = Send({"CLUSTER", "MYID"});
      return quoted.substr(1, quoted.size() - 2);
    }
  };
  void SetUp() override {
    const std::vector<std::pair<std::string, std::string>> ranges = {
        {"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    for (size_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i] = std::make_unique<Node>();
      EXPECT_EQ(nodes_[i]->Send({"CLUSTER", "ADDSLOTSRANGE", ranges[i].first, ranges[i].second}),
                "\"OK\"");
      EXPECT_EQ(nodes_[i]->Send({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}), "\"OK\"");
    }
    for (size_t i = 1; i < nodes_.size(); ++i) {
      EXPECT_EQ(nodes_[0]->Send({"CLUSTER", "MEET", "127.0.0.1", std::to_string(nodes_[i]->port),
                                 std::to_string(nodes_[i]->bus_port)}),
                "\"OK\"");
    }
    for (const auto& node : nodes_) {
      ASSERT_TRUE(WaitUntil([&] {
        const std::string info = node->Send({"CLUSTER", "INFO"});
        return info.find("cluster_state:ok") != std::string::npos &&
               info.find("cluster_known_nodes:3") != std::string::npos &&
               info.find("cluster_slots_assigned:16384") != std::string::npos;
      })) << node->Send({"CLUSTER", "INFO"});
    }
    Make(ClusterAt(0));
  }
  Topology ClusterAt(size_t node) const {
    return {.addresses = {nodes_[node]->address()}, .cluster = true};
  }
  // Everybody who is alive hears of it at once, as by `redis-cli --cluster`.
  void GiveSlot(uint16_t slot, const Node& to, std::initializer_list<size_t> alive = {0, 1, 2}) {
    for (const size_t i : alive) {
      EXPECT_EQ(nodes_[i]->Send({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", to.Id()}),
                "\"OK\"");
    }
  }

  std::array<std::unique_ptr<Node>, 3> nodes_;
};

TEST_F(ClusterTest, EveryRouteLeadsToThePrimaryOfItsSlot) {
  Route& low = Add("low", "{hello}1");   // slot 866
  Route& middle = Add("middle", "{a}");  // slot 15495
  Route& high = Add("high", "{foo}2");   // slot 12182
  Route& again = Add("again", "{hello}3");
  client_->Start();
  EXPECT_FALSE(low.connected());
  EXPECT_TRUE(Ask(low, {"GET", "{hello}1"}).starts_with("UNAVAILABLE")) << "nobody is known yet";
  ASSERT_TRUE(Connected());
  EXPECT_EQ(low.address(), nodes_[0]->address());
  EXPECT_EQ(middle.address(), nodes_[2]->address());
  EXPECT_EQ(high.address(), nodes_[2]->address());
  EXPECT_EQ(again.run(), low.run());
  EXPECT_NE(high.run(), low.run());
  EXPECT_EQ(Metric("test_redis_connections"), 2) << "one per primary that is needed";
  EXPECT_EQ(Ask(low, {"SET", "{hello}1", "x"}), "\"OK\"");
  EXPECT_EQ(Ask(high, {"SET", "{foo}2", "y"}), "\"OK\"");
  EXPECT_EQ(Ask(high, {"GET", "{foo}2"}), "\"y\"");
}

TEST_F(ClusterTest, ScriptsAreLoadedWhereverTheyAreUnknown) {
  Route& low = Add("low", "{hello}");
  Route& high = Add("high", "{foo}");
  client_->Start();
  ASSERT_TRUE(Connected());
  for (Route* route : {&low, &high}) {
    const std::string tag = route == &low ? "{hello}" : "{foo}";
    const std::string meta = tag + "meta";
    const std::string feed = tag + "feed";
    std::optional<StatusOr<Reply>> answer;
    const std::vector<std::string_view> args = {meta, feed, "1", "1", "1", "1", "0-0"};
    route->Eval(state::PersistedScript(), 2, args,
                [&](StatusOr<Reply> reply) { answer.emplace(std::move(reply)); });
    ASSERT_TRUE(RunUntil([&] { return answer.has_value(); }));
    EXPECT_EQ(Render(*answer), "[0]") << "the script ran and found no meta";
  }
}

TEST_F(ClusterTest, ARouteIsTurnedWhenItsSlotHasMoved) {
  Route& moving = Add("moving", "{hello}");
  Route& staying = Add("staying", "{foo}");
  client_->Start();
  ASSERT_TRUE(Connected());
  const std::string run = moving.run();
  journal_.clear();
  GiveSlot(866, *nodes_[2]);
  const std::string answer = Ask(moving, {"GET", "{hello}"});
  EXPECT_TRUE(answer.starts_with("UNAVAILABLE: MOVED")) << answer;
  ASSERT_TRUE(RunUntil([&] { return moving.address() == nodes_[2]->address(); }));
  EXPECT_EQ(journal_, (Journal{"moving down", "moving up"})) << "the other node was connected";
  EXPECT_NE(moving.run(), run);
  EXPECT_EQ(moving.run(), staying.run());
  EXPECT_EQ(Ask(moving, {"SET", "{hello}", "x"}), "\"OK\"");
  EXPECT_EQ(Metric("test_redis_connections"), 1) << "the one nobody needs any more is closed";
  EXPECT_EQ(Metric("test_redis_redirects_total{reason=\"moved\"}"), 1);
}

TEST_F(ClusterTest, WhileASlotIsBeingMovedItsCommandsFailAndComeAgain) {
  Route& moving = Add("moving", "{hello}");
  client_->Start();
  ASSERT_TRUE(Connected());
  journal_.clear();
  EXPECT_EQ(Ask(moving, {"SET", "{hello}a", "x"}), "\"OK\"");
  EXPECT_EQ(nodes_[2]->Send({"CLUSTER", "SETSLOT", "866", "IMPORTING", nodes_[0]->Id()}), "\"OK\"");
  EXPECT_EQ(nodes_[0]->Send({"CLUSTER", "SETSLOT", "866", "MIGRATING", nodes_[2]->Id()}), "\"OK\"");
  EXPECT_EQ(Ask(moving, {"GET", "{hello}a"}), "\"x\"") << "it has not gone yet";
  const std::string absent = Ask(moving, {"GET", "{hello}b"});
  EXPECT_TRUE(absent.starts_with("UNAVAILABLE: ASK")) << absent;
  const std::string both = Ask(moving, {"MGET", "{hello}a", "{hello}b"});
  EXPECT_TRUE(both.starts_with("UNAVAILABLE")) << both;
  EXPECT_EQ(Metric("test_redis_redirects_total{reason=\"ask\"}") +
                Metric("test_redis_redirects_total{reason=\"try_again\"}"),
            2);
  EXPECT_EQ(moving.address(), nodes_[0]->address()) << "the slot still is where it was";
  EXPECT_TRUE(journal_.empty());
  EXPECT_EQ(nodes_[0]->Send(
                {"MIGRATE", "127.0.0.1", std::to_string(nodes_[2]->port), "{hello}a", "0", "5000"}),
            "\"OK\"");
  GiveSlot(866, *nodes_[2]);
  ASSERT_TRUE(RunUntil([&] { return Ask(moving, {"GET", "{hello}a"}) == "\"x\""; }));
  EXPECT_EQ(moving.address(), nodes_[2]->address());
}

TEST_F(ClusterTest, ANodeThatDiesTakesOnlyItsOwnRoutesDown) {
  Route& lost = Add("lost", "{foo}");
  Route& other = Add("other", "{hello}");
  client_->Start();
  ASSERT_TRUE(Connected());
  const std::string run = lost.run();
  journal_.clear();
  nodes_[2]->server.Stop(SIGKILL);
  ASSERT_TRUE(RunUntil([&] { return !lost.connected(); }));
  EXPECT_TRUE(Ask(lost, {"GET", "{foo}"}).starts_with("UNAVAILABLE"));
  EXPECT_EQ(Ask(other, {"SET", "{hello}", "x"}), "\"OK\"");
  EXPECT_EQ(journal_, Journal{"lost down"});
  nodes_[2]->server.Start();
  ASSERT_TRUE(RunUntil([&] { return lost.connected(); }));
  EXPECT_NE(lost.run(), run);
  EXPECT_EQ(journal_, (Journal{"lost down", "lost up"}));
}

TEST_F(ClusterTest, QuestionsAreNotAskedMoreOftenThanAllowed) {
  Make(ClusterAt(0), 1h);
  Route& lost = Add("lost", "{foo}");
  Route& other = Add("other", "{hello}");
  client_->Start();
  ASSERT_TRUE(Connected());
  GiveSlot(12182, *nodes_[0]);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Ask(lost, {"GET", "{foo}"}).starts_with("UNAVAILABLE: MOVED"));
    EXPECT_EQ(Ask(other, {"GET", "{hello}"}), "nil");
  }
  EXPECT_EQ(Metric("test_redis_topology_refreshes_total{result=\"ok\"}"), 1);
}

TEST_F(ClusterTest, AnyNodeCanBeAskedWhenTheConfiguredOneIsGone) {
  Route& route = Add("route", "{foo}");
  client_->Start();
  ASSERT_TRUE(Connected());
  nodes_[0]->server.Stop(SIGKILL);
  GiveSlot(12182, *nodes_[1], {1, 2});
  ASSERT_TRUE(RunUntil([&] { return Ask(route, {"SET", "{foo}", "x"}) == "\"OK\""; }));
  EXPECT_EQ(route.address(), nodes_[1]->address());
}

TEST_F(ClusterTest, OneServerThatIsPartOfAClusterIsToldApart) {
  Make({.addresses = {nodes_[0]->address()}});
  Route& route = Add("route", "{foo}");
  client_->Start();
  ASSERT_TRUE(Connected());
  const std::string answer = Ask(route, {"GET", "{foo}"});
  EXPECT_TRUE(answer.starts_with("UNAVAILABLE: MOVED")) << answer;
  EXPECT_EQ(Message(unknown_), "this is a node of a Redis Cluster");
}

TEST_F(ClientTest, AServerThatIsNoClusterIsTold) {
  const std::string port = std::to_string(FreePort());
  const RedisServer server({"--port", port, "--bind", "127.0.0.1"});
  Make({.addresses = {"127.0.0.1:" + port}, .cluster = true});
  Add("route", "k");
  client_->Start();
  ASSERT_TRUE(RunUntil([&] { return !unknown_.ok(); }));
  EXPECT_NE(Message(unknown_).find("cluster support disabled"), std::string_view::npos)
      << ToString(unknown_);
}

// One primary, one replica, one Sentinel whose word is enough.
class SentinelTest : public ClientTest {
 protected:
  static std::vector<std::string> OnPort(uint16_t port, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--port", std::to_string(port), "--bind", "127.0.0.1"});
    return more;
  }
  static std::string At(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

  void SetUp() override {
    ASSERT_TRUE(WaitUntil([&] { return Says(primary_, {"INFO", "replication"}, "state=online"); }));
    const std::string conf = dir_ / "sentinel.conf";
    std::ofstream(conf) << "port " << sentinel_port_ << "\nbind 127.0.0.1\n"
                        << "sentinel monitor main 127.0.0.1 " << primary_port_ << " 1\n"
                        << "sentinel down-after-milliseconds main 500\n"
                        << "sentinel failover-timeout main 5000\n";
    sentinel_ = support::ChildProcess({"redis-server", conf, "--sentinel"},
                                      {.output_path = dir_ / "log", .user = {}, .environment = {}});
    Make({.addresses = {At(FreePort()), At(sentinel_port_)}, .sentinel = "main"});
  }
  static bool Says(const RedisServer& server, std::initializer_list<std::string_view> args,
                   std::string_view part) {
    return Render(RedisClient(server.address()).Send(args)).find(part) != std::string::npos;
  }
  // The Sentinel has heard of the replica from the primary.
  bool ReplicaIsKnown() {
    return WaitUntil([&] {
      ConnectionOptions options;
      options.address = At(sentinel_port_);
      options.any_role = true;
      Connection connection(io_, options, {});
      connection.Start();
      std::optional<std::string> answer;
      if (!RunUntil([&] { return connection.connected(); })) return false;
      connection.Send({"SENTINEL", "REPLICAS", "main"},
                      [&](const StatusOr<Reply>& reply) { answer = Render(reply); });
      return RunUntil([&] { return answer.has_value(); }) &&
             answer->find(std::to_string(replica_port_)) != std::string::npos;
    });
  }

  support::TempDir dir_;
  const uint16_t primary_port_ = FreePort();
  const uint16_t replica_port_ = FreePort();
  const uint16_t sentinel_port_ = FreePort();
  RedisServer primary_{OnPort(primary_port_)};
  RedisServer replica_{
      OnPort(replica_port_, {"--replicaof", "127.0.0.1", std::to_string(primary_port_)})};
  support::ChildProcess sentinel_;
};

TEST_F(SentinelTest, AllRoutesFollowThePrimary) {
  Route& one = Add("one", "{hello}");
  Route& two = Add("two", "{foo}");
  client_->Start();
  ASSERT_TRUE(Connected()) << "the first Sentinel is not there, the second one is";
  EXPECT_EQ(one.address(), At(primary_port_));
  EXPECT_EQ(two.run(), one.run());
  EXPECT_EQ(Ask(one, {"SET", "{hello}", "x"}), "\"OK\"");
  EXPECT_EQ(Ask(one, {"WAIT", "1", "15000"}), "1");
  ASSERT_TRUE(ReplicaIsKnown());
  journal_.clear();
  primary_.Stop(SIGKILL);
  ASSERT_TRUE(RunUntil([&] { return one.connected() && one.address() == At(replica_port_); }));
  EXPECT_EQ(Ask(two, {"GET", "{hello}"}), "\"x\"");
  EXPECT_EQ(journal_, (Journal{"one down", "two down", "one up", "two up"}));
}

TEST_F(SentinelTest, AnUnknownNameIsTold) {
  Make({.addresses = {At(sentinel_port_)}, .sentinel = "other"});
  Add("route", "k");
  client_->Start();
  ASSERT_TRUE(RunUntil([&] {
    return Message(unknown_).find("knows no primary 'other'") != std::string_view::npos;
  })) << ToString(unknown_);
}

}  // namespace
}  // namespace topgun::redis
