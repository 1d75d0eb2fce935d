// topgunctl's side of gRPC, against servers in this process: targets, health and services, maps and
// trees of a sync service, and what is said when a call fails.
#include <gmock/gmock.h>
#include <grpcpp/server_context.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/health.h"
#include "backend/rpc_client.h"
#include "backend/sync_reader.h"
#include "command_line.h"
#include "merkle_walk.h"
#include "metrics/registry.h"
#include "rpc/server.h"
#include "rpc_report.h"
#include "rpc_targets.h"
#include "state/cell.h"
#include "support/certificates.h"
#include "support/free_port.h"
#include "support/temp_dir.h"
#include "topgun/storage/v1/storage.grpc.pb.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace pb = topgun::sync::v1;

constexpr std::chrono::seconds kPatience{30};  // only a hung test gets near it

// One LWW map "todos" of one record per leaf, whose hash is its clock.
class FakeSync final : public pb::Sync::Service {
 public:
  std::map<std::string, int64_t> clocks;  // by leaf, which is the key, too

  grpc::Status ListMaps(grpc::ServerContext*, const pb::ListMapsRequest*,
                        pb::ListMapsReply* reply) override {
    Add("todos", topgun::crdt::v1::CELL_KIND_OR, 7, *reply);
    Add("todos", topgun::crdt::v1::CELL_KIND_LWW, clocks.size(), *reply);
    Add("hits", topgun::crdt::v1::CELL_KIND_COUNTER, 1, *reply);
    return grpc::Status::OK;
  }
  grpc::Status CountMap(grpc::ServerContext*, const pb::CountMapRequest* request,
                        pb::CountMapReply* reply) override {
    if (request->kind() == topgun::crdt::v1::CELL_KIND_OR) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too large"};
    }
    reply->set_live(clocks.size());
    return grpc::Status::OK;
  }
  grpc::Status ReadTree(grpc::ServerContext*, const pb::ReadTreeRequest* request,
                        grpc::ServerWriter<pb::ReadTreeChunk>* out) override {
    for (int i = 0; i < request->paths_size(); ++i) {
      pb::ReadTreeChunk chunk;  // one each: they are put together
      pb::TreeNode& node = *chunk.add_nodes();
      node.set_path(static_cast<uint32_t>(i));
      Fill(request->paths(i), request->cells(), node);
      out->Write(chunk);
    }
    return grpc::Status::OK;
  }

 private:
  static void Add(const std::string& map, topgun::crdt::v1::CellKind kind, uint64_t cells,
                  pb::ListMapsReply& reply) {
    pb::MapInfo& info = *reply.add_maps();
    info.set_map(map);
    info.set_kind(kind);
    info.set_cells(cells);
  }
  void Fill(const std::string& path, bool cells, pb::TreeNode& node) const {
    std::map<char, uint32_t> children;
    uint32_t hash = 0;
    for (const auto& [leaf, clock] : clocks) {
      if (!leaf.starts_with(path)) continue;
      hash += static_cast<uint32_t>(clock);
      if (cells) AddCell(leaf, clock, node);
      if (!cells && path.size() < leaf.size()) {
        children[leaf[path.size()]] += static_cast<uint32_t>(clock);
      }
    }
    node.set_hash(hash);
    for (const auto& [digit, sum] : children) {
      node.mutable_digits()->push_back(digit);
      node.add_hashes(sum);
    }
  }
  static void AddCell(const std::string& key, int64_t clock, pb::TreeNode& node) {
    state::CellView view;
    view.timestamp = {clock, 1, "node"};
    view.tombstone = true;
    const std::string cell = state::EncodeCell(view);
    node.mutable_keys()->append(key);
    node.add_key_lengths(static_cast<uint32_t>(key.size()));
    node.add_tag_lengths(0);
    node.mutable_cells()->append(cell);
    node.add_cell_lengths(static_cast<uint32_t>(cell.size()));
  }
};

class FakeStorage final : public topgun::storage::v1::Storage::Service {};

// A server of ours with one service.
class Served {
 public:
  explicit Served(grpc::Service& service, const rpc::Credentials& credentials = {})
      : server_({.listen = "127.0.0.1:0", .credentials = credentials}, registry_) {
    server_.AddService(&service);
    EXPECT_TRUE(server_.Start().ok());
    server_.SetServing(true);
  }
  rpc::Server& server() { return server_; }
  RpcTarget target(const std::string& name) const {
    return {name, "127.0.0.1:" + std::to_string(server_.port()), "127.0.0.1"};
  }

 private:
  metrics::Registry registry_;
  rpc::Server server_;
};

RpcClient Dial(const RpcTarget& target, const rpc::TlsOptions& tls = {}) {
  const auto dialer = RpcDialer::Make({.tls = tls, .timeout = kPatience}, {target});
  EXPECT_TRUE(dialer.ok()) << dialer.status();
  return dialer->Dial(target);
}

TEST(RpcTargetsTest, AddressesMayHaveNames) {
  const auto targets =
      ResolveRpcTargets({"127.0.0.1:9000", "a=127.0.0.2:9000", "b=[::1]:9001", "unix:/x=y"});
  ASSERT_TRUE(targets.ok()) << targets.status();
  std::vector<std::string> shown;
  for (const RpcTarget& target : *targets) {
    shown.push_back(target.name + " " + target.address + " " + target.host);
  }
  EXPECT_THAT(shown,
              ElementsAre("127.0.0.1:9000 127.0.0.1:9000 127.0.0.1", "a 127.0.0.2:9000 127.0.0.2",
                          "b [::1]:9001 ::1", "unix:/x=y unix:/x=y localhost"));
  EXPECT_EQ(FindRpcTarget(*targets, "a"), &(*targets)[1]);
  EXPECT_EQ(FindRpcTarget(*targets, "[::1]:9001"), &(*targets)[2]);
  EXPECT_EQ(FindRpcTarget(*targets, "c"), nullptr);
}

TEST(RpcTargetsTest, OneNameForSeveralAddressesIsTold) {
  const support::TempDir dir;
  std::ofstream(dir / "sync") << "127.0.0.1:1\n127.0.0.1:2\n";
  const auto targets = ResolveRpcTargets({"sync=file:" + std::string(dir / "sync")});
  ASSERT_TRUE(targets.ok()) << targets.status();
  ASSERT_EQ(targets->size(), 2U);
  EXPECT_EQ((*targets)[1].name, "sync@127.0.0.1:2");
}

TEST(RpcTargetsTest, WhatIsWrongIsNamed) {
  const auto message = [](const std::string& text) {
    return std::string(Message(ResolveRpcTargets({text}).status()));
  };
  EXPECT_THAT(message("127.0.0.1"), HasSubstr("--rpc: '127.0.0.1': the port is missing"));
  EXPECT_THAT(message("a="), HasSubstr("--rpc"));
}

TEST(RpcDialerTest, PlainTextLeavesThisMachineOnlyIfAllowed) {
  const std::vector<RpcTarget> far = {{"a", "192.0.2.1:9000", "192.0.2.1"}};
  const auto refused = RpcDialer::Make({}, far);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(refused.status())), HasSubstr("--allow-plaintext=grpc"));
  EXPECT_TRUE(RpcDialer::Make({.allow_plaintext = {"grpc"}}, far).ok());
}

TEST(RpcHealthTest, ServicesAreListedWithTheirHealth) {
  FakeSync service;
  Served served(service);
  RpcLook look = LookAt(Dial(served.target("s")));
  ASSERT_TRUE(look.reached.ok()) << look.reached;
  EXPECT_TRUE(look.lists_services);
  ASSERT_EQ(look.services.size(), 1U);
  EXPECT_EQ(look.services[0].name, kSyncService);
  EXPECT_EQ(look.services[0].health, Health::kServing);
  EXPECT_EQ(look.health, Health::kServing);
  EXPECT_TRUE(Offers(look, kSyncService));

  served.server().SetServing(false);
  look = LookAt(Dial(served.target("s")));
  ASSERT_TRUE(look.reached.ok()) << look.reached;
  EXPECT_EQ(look.health, Health::kNotServing);
  EXPECT_EQ(look.services[0].health, Health::kNotServing);
}

TEST(RpcHealthTest, DoctorNamesWhoDoesNotAnswerOrServe) {
  FakeSync service;
  Served served(service);
  const RpcTarget gone{"gone", "127.0.0.1:" + std::to_string(support::FreePort()), "127.0.0.1"};
  const RpcLook well = LookAt(Dial(served.target("s")));
  served.server().SetServing(false);
  const RpcLook draining = LookAt(Dial(served.target("d")));
  const RpcLook away = LookAt(Dial(gone));
  EXPECT_EQ(away.reached.code(), StatusCode::kUnavailable);

  EXPECT_THAT(Judge(std::vector<RpcLook>()), IsEmpty());
  const auto good = Judge(std::vector<RpcLook>{well});
  ASSERT_EQ(good.size(), 1U);
  EXPECT_EQ(good[0].severity, Severity::kOk);
  EXPECT_THAT(good[0].measured, HasSubstr("1 topgun.sync.v1.Sync"));
  const auto bad = Judge(std::vector<RpcLook>{well, draining, away});
  ASSERT_EQ(bad.size(), 2U);
  EXPECT_EQ(bad[0].severity, Severity::kProblem);
  EXPECT_EQ(bad[0].measured, "d: the server is NOT_SERVING");
  EXPECT_THAT(bad[1].measured, HasSubstr("gone (127.0.0.1:"));
}

TEST(SyncReaderTest, MapsAreListedAndCounted) {
  FakeSync service;
  service.clocks = {{"0a1", 5}, {"0a2", 6}};
  const Served served(service);
  const RpcClient client = Dial(served.target("s"));
  const auto maps = ListMaps(client);
  ASSERT_TRUE(maps.ok()) << maps.status();
  std::vector<std::string> shown;
  for (const SyncMap& map : *maps) {
    shown.push_back(map.map + " " + Name(map.kind) + " " + std::to_string(map.cells));
  }
  EXPECT_THAT(shown, ElementsAre("hits counter 1", "todos lww 2", "todos or 7"));
  EXPECT_EQ(*CountMap(client, (*maps)[1]), std::optional<uint64_t>(2));
  EXPECT_EQ(*CountMap(client, (*maps)[2]), std::nullopt) << "too large is an answer";
}

TEST(SyncReaderTest, TreesOfTwoServicesAreCompared) {
  FakeSync left;
  FakeSync right;
  left.clocks = {{"0a1", 5}, {"fff", 7}};
  right.clocks = {{"0a1", 5}, {"fff", 8}, {"123", 9}};
  const Served left_served(left);
  const Served right_served(right);
  const auto kind = state::CellKind::kLww;
  const auto difference = CompareTrees(TreeReaderOf(Dial(left_served.target("l")), "todos", kind),
                                       TreeReaderOf(Dial(right_served.target("r")), "todos", kind));
  ASSERT_TRUE(difference.ok()) << difference.status();
  EXPECT_THAT(difference->keys,
              ElementsAre(KeyDifference{"123", "", "9.1 node removed"},
                          KeyDifference{"fff", "7.1 node removed", "8.1 node removed"}));
  EXPECT_EQ(difference->left_root, 12);
}

TEST(SyncReaderTest, AnotherServiceIsRecognised) {
  FakeStorage service;
  const Served served(service);
  const auto maps = ListMaps(Dial(served.target("p")));
  EXPECT_EQ(maps.status().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(Message(maps.status())), HasSubstr("topgun.sync.v1.Sync/ListMaps"));
  EXPECT_THAT(std::string(Message(maps.status())), HasSubstr("it is another service"));
}

// Certificates of one authority, and of another.
class RpcTlsTest : public testing::Test {
 protected:
  static rpc::TlsOptions Tls(const support::CertificateAuthority& authority,
                             const std::string& name, const std::vector<std::string>& hosts) {
    const auto pair = authority.Issue(name, hosts);
    return {.files = {pair.certificate, pair.key, authority.file()}};
  }
  Status Reached(const rpc::TlsOptions& tls) const {
    return LookAt(Dial(served_.target("s"), tls)).reached;
  }

  support::CertificateAuthority authority_;
  FakeSync service_;
  rpc::TlsOptions server_tls_ = [this] {
    rpc::TlsOptions tls = Tls(authority_, "sync", {"topgun-sync", "127.0.0.1"});
    tls.peer_names = {"topgunctl"};
    return tls;
  }();
  Served served_{service_, rpc::MakeCredentials(server_tls_)};
};

TEST_F(RpcTlsTest, WhoHasTheRightCertificateIsAnswered) {
  rpc::TlsOptions tls = Tls(authority_, "ctl", {"topgunctl"});
  EXPECT_TRUE(Reached(tls).ok()) << Reached(tls);
  tls.peer_names = {"topgun-sync"};
  EXPECT_TRUE(Reached(tls).ok()) << Reached(tls);
}

TEST_F(RpcTlsTest, WhatIsWrongWithACertificateIsHintedAt) {
  const support::CertificateAuthority stranger;
  rpc::TlsOptions wrong_server = Tls(authority_, "ctl", {"topgunctl"});
  wrong_server.peer_names = {"topgun-storage"};
  for (const auto& [what, tls] : std::map<std::string, rpc::TlsOptions>{
           {"plain text", {}},
           {"another authority", Tls(stranger, "stranger", {"topgunctl"})},
           {"another role", Tls(authority_, "gateway", {"topgun-gateway"})},
           {"another server", wrong_server}}) {
    const Status reached = Reached(tls);
    EXPECT_EQ(reached.code(), StatusCode::kUnavailable) << what;
    EXPECT_THAT(std::string(Message(reached)), HasSubstr("--grpc-tls-")) << what;
  }
}

TEST_F(RpcTlsTest, FilesThatCannotBeUsedAreNamed) {
  const auto incomplete = RpcDialer::Make({.tls = {.files = {"", "", authority_.file()}}}, {});
  EXPECT_THAT(std::string(Message(incomplete.status())), HasSubstr("needs all of"));
  const auto missing =
      RpcDialer::Make({.tls = {.files = {"/no/cert", "/no/key", authority_.file()}}}, {});
  EXPECT_EQ(missing.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(missing.status())), HasSubstr("/no/cert"));
}

TEST(WayOutTest, SomeFailuresHaveOne) {
  EXPECT_THAT(WayOut(DeadlineExceeded("Deadline Exceeded"), false), HasSubstr("--timeout"));
  EXPECT_THAT(WayOut(Unavailable("Socket closed"), false), HasSubstr("TLS"));
  const std::string failed = "failed to connect to all addresses; last error: UNKNOWN: ipv4:1: ";
  EXPECT_THAT(WayOut(Unavailable(failed + "Connection refused"), false), IsEmpty());
  EXPECT_THAT(WayOut(Unavailable(failed + "Endpoint read failed"), false), HasSubstr("want TLS"));
  EXPECT_THAT(WayOut(Unavailable(failed + "recvmsg"), true), HasSubstr("speaks plain text"));
  EXPECT_THAT(WayOut(Unavailable(failed + "Ssl handshake failed"), true),
              HasSubstr("accept each other's certificates"));
  EXPECT_THAT(WayOut(Unavailable("shutting down"), true), IsEmpty()) << "the service's own words";
}

TEST(CommandLineTest, RpcServersAndTheirTls) {
  const Command command = ReadCommandLine(
      {"status", "--rpc", "a=x:1,b=y:2", "--grpc-tls-ca-file", "ca", "--grpc-tls-peer-names=p,q"});
  EXPECT_TRUE(command.run) << command.text;
  EXPECT_THAT(command.session.rpc, ElementsAre("a=x:1", "b=y:2"));
  EXPECT_EQ(command.session.rpc_tls.files.ca, "ca");
  EXPECT_THAT(command.session.rpc_tls.peer_names, ElementsAre("p", "q"));
  EXPECT_FALSE(ReadCommandLine({"status", "--allow-plaintext=grcp"}).run);
  EXPECT_TRUE(ReadCommandLine({"maps", "--from", "a", "--all"}).run);
}

}  // namespace
}  // namespace topgun::ctl
