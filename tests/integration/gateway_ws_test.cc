// The gateway between real sockets: WebSocket clients in front, gRPC sync services made for the
// test behind.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gateway_app.h"
#include "metrics/registry.h"
#include "support/fake_sync_service.h"
#include "support/http_client.h"
#include "support/wait.h"
#include "support/ws_client.h"
#include "wire/client_encode.h"
#include "wire/server_frame.h"

namespace topgun::gateway {
namespace {

using support::FakeSyncServer;
using support::WaitUntil;
using support::WsClient;

constexpr uint32_t kShards = 4;
constexpr std::chrono::milliseconds kQuiet{200};  // long enough for what must not come

wire::Op Put(std::string_view id, std::string_view key, int64_t millis,
             std::string_view value = "\x01") {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "todos";
  op.key = key;
  op.value = value;
  op.id = id;
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {millis, 0, "client"};
  return op;
}

std::string OpBatch(std::vector<wire::Op> ops, std::optional<wire::WriteConcern> concern = {}) {
  wire::OpBatchFrame batch;
  batch.write_concern = concern;
  batch.ops = std::move(ops);
  std::string frame;
  wire::EncodeOpBatch(batch, frame);
  return frame;
}

std::string QuerySub(std::string_view query_id) {
  wire::QuerySubFrame sub;
  sub.query_id = query_id;
  sub.map = "todos";
  std::string frame;
  wire::EncodeQuerySub(sub, frame);
  return frame;
}

std::string Ping() {
  std::string frame;
  wire::EncodePing({.timestamp = 1}, frame);
  return frame;
}

std::string Auth(std::string_view token) {
  std::string frame;
  wire::EncodeAuth({.token = token, .device_token = {}, .protocol_version = {}}, frame);
  return frame;
}

// A short description of the next frame, "" when there is none: "ack:3", "resp:[a b]",
// "event:a", "ENTER:a", "error:429", otherwise its type.
std::string Next(WsClient& client, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  const auto bytes = client.Receive(patience);
  if (!bytes) return "";
  wire::ServerFrame frame;
  if (!wire::DecodeServerFrame(*bytes, frame).ok()) return "undecodable";
  switch (frame.type) {
    case wire::FrameType::kOpAck:
      return "ack:" + std::string(frame.op_ack.last_id);
    case wire::FrameType::kServerEvent:
      return "event:" + std::string(frame.event.key);
    case wire::FrameType::kQueryUpdate:
      return std::string(Name(frame.query_update.change)) + ":" +
             std::string(frame.query_update.key);
    case wire::FrameType::kError:
      return "error:" + std::to_string(frame.error.code);
    case wire::FrameType::kQueryResp: {
      std::string rows;
      for (const auto& row : frame.query_resp.results) rows.append(" ").append(row.key);
      return "resp:[" + (rows.empty() ? rows : rows.substr(1)) + "]";
    }
    default:
      return std::string(Name(frame.type));
  }
}

// A gateway with its own registry.
struct Gateway {
  explicit Gateway(Config config) : app(std::move(config), registry) {
    const Status status = app.Start();
    EXPECT_TRUE(status.ok()) << ToString(status);
  }
  std::unique_ptr<WsClient> Connect(const std::string& path = "/ws",
                                    const std::string& origin = "") {
    return std::make_unique<WsClient>(
        WsClient::Options{.port = app.port(), .path = path, .origin = origin});
  }
  double Metric(const std::string& series) const {
    const std::string text = "\n" + registry.Render();
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }
  // The answer of the admin port.
  std::string Drain(std::string_view method, std::string_view target) const {
    std::string body;
    EXPECT_EQ(support::HttpExchange(app.admin_port(), method, target, &body), 200) << body;
    return body;
  }
  bool WaitForReplicas(double count = 1) const {
    return WaitUntil([&] { return Metric("gateway_sync_replicas_up") == count; });
  }

  metrics::Registry registry{"test"};
  GatewayApp app;
};

class GatewayWsTest : public ::testing::Test {
 protected:
  Config NoAuth() const {
    Config config;
    config.listen = "127.0.0.1:0";
    config.admin = "127.0.0.1:0";
    config.sync = {sync_->address()};
    config.shards = kShards;
    config.loops = 1;
    config.no_auth = true;
    return config;
  }

  std::shared_ptr<support::FakeSyncState> state_ = support::MakeFakeSyncState(kShards);
  std::unique_ptr<FakeSyncServer> sync_ = std::make_unique<FakeSyncServer>(state_);
};

TEST_F(GatewayWsTest, UpgradesAtTwoPathsAndServesHttpOnTheRest) {
  Gateway gateway(NoAuth());
  EXPECT_EQ(gateway.Connect("/ws")->status(), 101);
  EXPECT_EQ(gateway.Connect("/")->status(), 101);
  EXPECT_EQ(gateway.Connect("/ws?token=x")->status(), 101);
  EXPECT_EQ(gateway.Connect("/other")->status(), 404);
  EXPECT_EQ(support::HttpGet(gateway.app.port(), "/"), 426);
  EXPECT_EQ(support::HttpGet(gateway.app.port(), "/ws"), 426);
  EXPECT_EQ(support::HttpGet(gateway.app.port(), "/health"), 200);
  EXPECT_EQ(support::HttpGet(gateway.app.port(), "/", 9'000), 431);
}

TEST_F(GatewayWsTest, ChecksOriginsAndTheNumberOfConnections) {
  Config config = NoAuth();
  config.allowed_origins = {"https://app.example"};
  config.connections_max = 1;
  Gateway gateway(std::move(config));
  EXPECT_EQ(gateway.Connect("/ws", "https://evil.example")->status(), 403);
  std::unique_ptr<WsClient> client;
  ASSERT_TRUE(WaitUntil([&] {
    client = gateway.Connect("/ws", "https://app.example");
    return client->status() == 101;
  }));
  EXPECT_EQ(gateway.Connect("/ws", "https://app.example")->status(), 503);
}

TEST_F(GatewayWsTest, LocalhostIsBothLoopbackAddresses) {
  Config config = NoAuth();
  config.listen = "localhost:0";
  Gateway gateway(std::move(config));
  EXPECT_EQ(gateway.Connect()->status(), 101);
  WsClient six({.host = "::1", .port = gateway.app.port()});
  EXPECT_EQ(six.status(), 101);
}

TEST_F(GatewayWsTest, ATakenPortIsAnError) {
  Gateway first(NoAuth());
  Config config = NoAuth();
  config.listen = "127.0.0.1:" + std::to_string(first.app.port());
  metrics::Registry registry;
  GatewayApp second(std::move(config), registry);
  EXPECT_FALSE(second.Start().ok());
}

TEST_F(GatewayWsTest, RefusesToStartWithoutAuthentication) {
  Config config = NoAuth();
  config.no_auth = false;
  metrics::Registry registry;
  GatewayApp app(std::move(config), registry);
  EXPECT_EQ(app.Start().code(), StatusCode::kFailedPrecondition);
}

TEST_F(GatewayWsTest, ABadTokenEndsWithAnEmptyCloseFrame) {
  Config config = NoAuth();
  config.no_auth = false;
  config.jwt_secret = "secret";
  Gateway gateway(std::move(config));
  const auto client = gateway.Connect();
  EXPECT_EQ(Next(*client), "AUTH_REQUIRED");
  client->Send(Auth("e30.e30.x"));
  EXPECT_EQ(Next(*client), "AUTH_FAIL");
  EXPECT_TRUE(client->WaitClosed());
  EXPECT_EQ(client->close_code(), 1005);
}

TEST_F(GatewayWsTest, MessagesAreLimitedBeforeAndAfterAuthentication) {
  Config config = NoAuth();
  config.no_auth = false;
  config.jwt_secret = "secret";
  Gateway strict(std::move(config));
  const auto stranger = strict.Connect();
  stranger->Send(std::string(3 << 20, '\xc0'));
  EXPECT_TRUE(stranger->WaitClosed());

  Gateway open(NoAuth());
  const auto client = open.Connect();
  const std::string value = "\xc6" + std::string("\x00\x30\x00\x00", 4) + std::string(3 << 20, 'x');
  client->Send(OpBatch({Put("1", "large", 1, value)}));
  EXPECT_EQ(Next(*client), "ack:1");
  client->Send(std::string((16 << 20) + 1, '\xc0'));
  EXPECT_TRUE(client->WaitClosed());
}

TEST_F(GatewayWsTest, BadFramesChangeNothing) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  const std::string batch = OpBatch({Put("1", "k", 1)});
  client->Send(batch.substr(0, batch.size() / 2));
  client->Send("hello", false);
  client->Send("");
  client->Send(std::string(10'000, '\x91'));
  client->SendFragments(batch.substr(0, 10), batch.substr(10));
  EXPECT_EQ(Next(*client), "ack:1");
  EXPECT_EQ(gateway.Metric(R"(gateway_frames_dropped_total{reason="text"})"), 1);
}

TEST_F(GatewayWsTest, WebSocketPingsAreAnsweredBetweenFrames) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  for (int i = 0; i < 200; ++i) client->Send(Ping());
  client->SendPing("here");
  for (int i = 0; i < 200; ++i) ASSERT_EQ(Next(*client), "PONG");
  client->Send(Ping());
  EXPECT_EQ(Next(*client), "PONG");
  EXPECT_EQ(client->pong(), "here");
}

TEST_F(GatewayWsTest, GarbageInsteadOfFramesEndsTheConnectionOnly) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  client->SendRaw(std::string(100, '\xff'));
  EXPECT_TRUE(client->WaitClosed());
  const auto next = gateway.Connect();
  next->Send(Ping());
  EXPECT_EQ(Next(*next), "PONG");
}

TEST_F(GatewayWsTest, WritesReachSubscribersOfEveryGateway) {
  Gateway here(NoAuth());
  Gateway there(NoAuth());
  const auto writer = here.Connect();
  writer->Send(OpBatch({Put("1", "old", 1)}));
  ASSERT_EQ(Next(*writer), "ack:1");

  const auto reader = there.Connect();
  reader->Send(QuerySub("q"));
  EXPECT_EQ(Next(*reader), "resp:[old]");
  writer->Send(QuerySub("own"));
  EXPECT_EQ(Next(*writer), "resp:[old]");

  writer->Send(OpBatch({Put("2", "new", 2)}));
  EXPECT_EQ(Next(*writer), "ack:2");
  EXPECT_EQ(Next(*reader), "event:new");
  EXPECT_EQ(Next(*reader), "ENTER:new");
  EXPECT_EQ(Next(*writer, kQuiet), "");  // the writer is left out
}

TEST_F(GatewayWsTest, AcksLeaveInOrderForManyFramesInOneWrite) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  for (int i = 1; i <= 500; ++i) {
    const std::string id = std::to_string(i);
    client->Send(OpBatch({Put(id, "k" + id, i)}));
  }
  for (int i = 1; i <= 500; ++i) ASSERT_EQ(Next(*client), "ack:" + std::to_string(i));
}

TEST_F(GatewayWsTest, UnansweredOpsSurviveTheDeathOfTheirReplica) {
  Gateway gateway(NoAuth());
  ASSERT_TRUE(gateway.WaitForReplicas());
  support::HoldParts(*state_, true);
  const auto client = gateway.Connect();
  client->Send(OpBatch({Put("1", "k", 1)}));
  ASSERT_TRUE(WaitUntil([&] { return support::HeldParts(*state_) > 0; }));

  const uint16_t port = sync_->port();
  sync_.reset();
  support::HoldParts(*state_, false);
  sync_ = std::make_unique<FakeSyncServer>(state_, port);
  EXPECT_EQ(Next(*client), "ack:1");
}

TEST_F(GatewayWsTest, TheOtherReplicaTakesOver) {
  FakeSyncServer other(state_);
  Config config = NoAuth();
  config.sync = {sync_->address(), other.address()};
  Gateway gateway(std::move(config));
  ASSERT_TRUE(gateway.WaitForReplicas(2));
  const auto writer = gateway.Connect();
  const auto reader = gateway.Connect();
  reader->Send(QuerySub("q"));
  ASSERT_EQ(Next(*reader), "resp:[]");
  sync_.reset();
  for (int i = 1; i <= 20; ++i) {
    const std::string id = std::to_string(i);
    writer->Send(OpBatch({Put(id, id, i)}));
    ASSERT_EQ(Next(*writer), "ack:" + id);
  }
  for (int i = 1; i <= 20; ++i) {
    EXPECT_EQ(Next(*reader).substr(0, 6), "event:");
    EXPECT_EQ(Next(*reader).substr(0, 6), "ENTER:");
  }
  EXPECT_EQ(gateway.Metric("gateway_watch_gaps_total"), 0);
}

TEST_F(GatewayWsTest, AnOverloadedClusterMeans429AndARevival) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  support::FailParts(*state_, static_cast<int32_t>(StatusCode::kResourceExhausted));
  client->Send(OpBatch({Put("1", "k", 1)}));
  EXPECT_EQ(Next(*client), "error:429");
  // The gateway probes with this client until the cluster accepts again.
  EXPECT_EQ(Next(*client), "AUTH_ACK");
  support::FailParts(*state_, 0);
  client->Send(OpBatch({Put("1", "k", 1), Put("2", "k2", 2)}));
  EXPECT_EQ(Next(*client), "ack:2");
}

// The level of the next frame, which has to be an ack.
std::string NextLevel(WsClient& client, std::chrono::milliseconds patience) {
  const auto bytes = client.Receive(patience);
  if (!bytes) return "";
  wire::ServerFrame frame;
  if (!wire::DecodeServerFrame(*bytes, frame).ok() || !frame.op_ack.achieved_level) return "none";
  return std::string(Name(*frame.op_ack.achieved_level));
}

TEST_F(GatewayWsTest, MemoryIsWhatAReplicaHolds) {
  Config config = NoAuth();
  config.drain = std::chrono::milliseconds(0);  // it will not be committed
  Gateway gateway(config);
  const auto client = gateway.Connect();
  support::HoldParts(*state_, true);
  client->Send(OpBatch({Put("1", "k", 1)}, wire::WriteConcern::kMemory));
  EXPECT_EQ(NextLevel(*client, std::chrono::seconds(10)), "MEMORY");
  EXPECT_EQ(support::AppliedOps(*state_), 0U);
}

TEST_F(GatewayWsTest, PersistedIsWhatTheWatchStreamSays) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  client->Send(OpBatch({Put("1", "k", 1)}, wire::WriteConcern::kPersisted));
  ASSERT_TRUE(WaitUntil([&] { return support::AppliedOps(*state_) == 1; }));
  EXPECT_EQ(NextLevel(*client, kQuiet), "");
  std::string level;
  // Until the gateway watches all shards.
  EXPECT_TRUE(WaitUntil([&] {
    support::Persist(*state_);
    level = NextLevel(*client, kQuiet);
    return !level.empty();
  }));
  EXPECT_EQ(level, "PERSISTED");
}

TEST_F(GatewayWsTest, StoppingBringsWhatIsAcknowledgedEarlyToTheCluster) {
  auto gateway = std::make_unique<Gateway>(NoAuth());
  const auto client = gateway->Connect();
  support::FailParts(*state_, static_cast<int32_t>(StatusCode::kUnavailable));
  client->Send(OpBatch({Put("1", "k", 1)}, wire::WriteConcern::kFireAndForget));
  EXPECT_EQ(NextLevel(*client, std::chrono::seconds(10)), "FIRE_AND_FORGET");
  std::thread stopping([&] { gateway->app.Stop(); });
  EXPECT_TRUE(client->WaitClosed());
  support::FailParts(*state_, 0);
  stopping.join();
  EXPECT_EQ(support::AppliedOps(*state_), 1U);
}

TEST_F(GatewayWsTest, AClosedShardIsWaitedFor) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  support::FailParts(*state_, static_cast<int32_t>(StatusCode::kUnavailable));
  client->Send(OpBatch({Put("1", "k", 1)}));
  EXPECT_EQ(Next(*client, kQuiet), "");
  support::FailParts(*state_, 0);
  EXPECT_EQ(Next(*client), "ack:1");
}

TEST_F(GatewayWsTest, MemoryIsBoundedWhileNoReplicaIsUp) {
  Config config = NoAuth();
  config.inflight_bytes_max = 1 << 16;
  Gateway gateway(std::move(config));
  ASSERT_TRUE(gateway.WaitForReplicas());
  const auto client = gateway.Connect();
  client->Send(OpBatch({Put("first", "first", 1)}));
  ASSERT_EQ(Next(*client), "ack:first");  // so the policies are known: later frames are not held
  const uint16_t port = sync_->port();
  sync_.reset();
  const std::string value = std::string("\xc5\x20\x00", 3) + std::string(0x2000, 'x');
  std::string said;
  int sent = 0;
  for (; said.empty() && sent < 100; ++sent) {
    const std::string id = std::to_string(sent + 1);
    client->Send(OpBatch({Put(id, id, sent + 1, value)}));
    said = Next(*client, std::chrono::milliseconds(20));
  }
  ASSERT_EQ(said, "error:429");
  sync_ = std::make_unique<FakeSyncServer>(state_, port);
  // What was accepted is acknowledged and the client is asked to send the rest. Frames that were on
  // their way when the first one was refused were refused as well.
  int answered = 1;
  bool revived = false;
  while (answered < sent || !revived) {
    said = Next(*client);
    if (said == "AUTH_ACK") {
      revived = true;
      continue;
    }
    ASSERT_TRUE(said.starts_with("ack:") || said == "error:429") << said;
    ++answered;
  }
}

TEST_F(GatewayWsTest, AGapSendsTheRowsAgain) {
  Gateway gateway(NoAuth());
  const auto client = gateway.Connect();
  client->Send(QuerySub("q"));
  ASSERT_EQ(Next(*client), "resp:[]");
  support::MakeGap(*state_, "todos", {"missed"});
  EXPECT_EQ(Next(*client), "resp:[missed]");
}

TEST_F(GatewayWsTest, AClientThatDoesNotReadIsClosed) {
  Config config = NoAuth();
  config.push_bytes_max = 1 << 16;
  Gateway gateway(std::move(config));
  const auto reader = gateway.Connect();
  reader->Send(QuerySub("q"));
  ASSERT_EQ(Next(*reader), "resp:[]");
  const auto writer = gateway.Connect();
  const std::string value = std::string("\xc6\x00\x04\x00\x00", 5) + std::string(1 << 18, 'x');
  int64_t sent = 0;
  ASSERT_TRUE(WaitUntil([&] {
    ++sent;
    const std::string id = std::to_string(sent);
    writer->Send(OpBatch({Put(id, id, sent, value)}));
    EXPECT_EQ(Next(*writer), "ack:" + id);
    return gateway.Metric("gateway_slow_consumer_closed_total") > 0 || sent > 300;
  }));
  EXPECT_LT(sent, 300);
}

TEST_F(GatewayWsTest, StoppingAnswersWhatIsInFlightAndSaysGoodbye) {
  auto gateway = std::make_unique<Gateway>(NoAuth());
  const auto client = gateway->Connect();
  client->Send(OpBatch({Put("1", "k", 1)}));
  EXPECT_EQ(Next(*client), "ack:1");
  std::thread stopping([&] { gateway->app.Stop(); });
  EXPECT_TRUE(client->WaitClosed());
  EXPECT_EQ(client->close_code(), 1012);
  EXPECT_EQ(client->close_reason(), "server shutting down");
  stopping.join();
}

TEST_F(GatewayWsTest, ADrainOnDemandSendsClientsAwayUntilItIsCancelled) {
  Gateway gateway(NoAuth());
  ASSERT_TRUE(gateway.WaitForReplicas());
  const auto client = gateway.Connect();
  ASSERT_TRUE(WaitUntil([&] { return gateway.Metric("gateway_connections") == 1; }));
  EXPECT_EQ(gateway.Drain("GET", "/drain"),
            "{\"state\":\"serving\",\"left\":1,\"unit\":\"connections\"}\n");
  EXPECT_EQ(gateway.Drain("POST", "/drain").find("serving"), std::string::npos);
  EXPECT_TRUE(client->WaitClosed());
  EXPECT_EQ(client->close_code(), 1012);
  EXPECT_TRUE(WaitUntil([&] {
    return gateway.Drain("GET", "/drain").find(R"("state":"drained")") != std::string::npos;
  }));
  EXPECT_EQ(support::HttpGet(gateway.app.admin_port(), "/readyz"), 503);
  EXPECT_EQ(gateway.Connect()->status(), 503);
  EXPECT_EQ(support::HttpGet(gateway.app.port(), "/health"), 200);  // HTTP is still served

  EXPECT_NE(gateway.Drain("POST", "/drain?cancel").find(R"("state":"serving")"), std::string::npos);
  EXPECT_EQ(support::HttpGet(gateway.app.admin_port(), "/readyz"), 200);
  EXPECT_TRUE(WaitUntil([&] { return gateway.Connect()->status() == 101; }));
}

TEST_F(GatewayWsTest, SeveralLoopsShareTheConnections) {
  Config config = NoAuth();
  config.loops = 3;
  Gateway gateway(std::move(config));
  std::vector<std::unique_ptr<WsClient>> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(gateway.Connect());
    clients.back()->Send(QuerySub("q"));
    ASSERT_EQ(Next(*clients.back()), "resp:[]");
  }
  clients[0]->Send(OpBatch({Put("1", "k", 1)}));
  EXPECT_EQ(Next(*clients[0]), "ack:1");
  for (size_t i = 1; i < clients.size(); ++i) {
    EXPECT_EQ(Next(*clients[i]), "event:k");
    EXPECT_EQ(Next(*clients[i]), "ENTER:k");
  }
  EXPECT_EQ(gateway.Metric("gateway_connections"), 9);
}

}  // namespace
}  // namespace topgun::gateway
