// gRPC over mutual TLS: who is let in, what else works over it, and certificates that are replaced
// while a stream lives.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server_context.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metrics/registry.h"
#include "rpc/channel.h"
#include "rpc/credentials.h"
#include "rpc/server.h"
#include "rpc/tls_settings.h"
#include "support/certificates.h"
#include "support/temp_dir.h"
#include "support/wait.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::rpc {
namespace {

using std::chrono::seconds;
namespace fs = std::filesystem;
namespace pb = topgun::storage::v1;
using ChannelPtr = std::shared_ptr<grpc::Channel>;

// Answers OpenShard; LoadMap streams stay open until they are cancelled.
class FakeStorage final : public pb::Storage::CallbackService {
 public:
  grpc::ServerUnaryReactor* OpenShard(grpc::CallbackServerContext* context,
                                      const pb::OpenShardRequest*,
                                      pb::OpenShardResponse*) override {
    auto* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerWriteReactor<pb::LoadMapChunk>* LoadMap(grpc::CallbackServerContext*,
                                                      const pb::LoadMapRequest*) override {
    class Open final : public grpc::ServerWriteReactor<pb::LoadMapChunk> {
     public:
      Open() { StartSendInitialMetadata(); }
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }
    };
    return new Open;
  }
};

// The files of one service, in a folder where they can be replaced.
class Service {
 public:
  Service(const support::CertificateAuthority& authority, const std::string& name,
          const std::vector<std::string>& more_names = {}) {
    options_.files = {dir_ / "tls.crt", dir_ / "tls.key", dir_ / "ca.crt"};
    options_.reload = seconds(1);
    Replace(authority, name, more_names);
  }

  void Replace(const support::CertificateAuthority& authority, const std::string& name,
               const std::vector<std::string>& more_names = {}) {
    std::vector<std::string> hosts = {name};
    hosts.insert(hosts.end(), more_names.begin(), more_names.end());
    const auto pair = authority.Issue(name, hosts);
    Put(pair.key, options_.files.key);
    Put(pair.certificate, options_.files.certificate);
    Put(authority.file(), options_.files.ca);
  }

  TlsOptions& options() { return options_; }
  Credentials credentials() const { return MakeCredentials(options_); }

 private:
  static void Put(const std::string& from, const std::string& to) {
    fs::copy_file(from, to + ".new", fs::copy_options::overwrite_existing);
    fs::rename(to + ".new", to);
  }

  support::TempDir dir_;
  TlsOptions options_;
};

class RpcTlsTest : public testing::Test {
 protected:
  void StartServer(const Credentials& credentials) {
    server_ = std::make_unique<Server>(
        ServerOptions{.listen = "127.0.0.1:0", .credentials = credentials}, registry_);
    server_->AddService(&storage_);
    ASSERT_TRUE(server_->Start().ok());
    server_->SetServing(true);
  }
  ChannelPtr Channel(const Credentials& credentials, const std::string& server_name = "") const {
    return MakeChannel("127.0.0.1:" + std::to_string(server_->port()),
                       {.credentials = credentials, .server_name = server_name});
  }

  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + support::kPatience);
    return context;
  }
  // An attempt to connect is refused: the first call on a channel ends with it.
  static grpc::Status Call(const ChannelPtr& channel) {
    pb::OpenShardResponse response;
    const auto context = Context();
    return pb::Storage::NewStub(channel)->OpenShard(context.get(), {}, &response);
  }
  // A call of any method; the wire bytes of its answer, empty when it failed.
  static std::string Call(const ChannelPtr& channel, const std::string& method,
                          const std::string& request) {
    grpc::GenericStub stub(channel);
    const auto context = Context();
    const grpc::Slice sent(request);
    const grpc::ByteBuffer request_buffer(&sent, 1);
    grpc::ByteBuffer response;
    std::promise<bool> done;
    stub.UnaryCall(context.get(), method, {}, &request_buffer, &response,
                   [&done](const grpc::Status& status) { done.set_value(status.ok()); });
    grpc::Slice received;
    if (!done.get_future().get() || !response.DumpToSingleSlice(&received).ok()) return {};
    return {reinterpret_cast<const char*>(received.begin()), received.size()};
  }
  static bool Refused(const ChannelPtr& channel) {
    return Call(channel).error_code() == grpc::StatusCode::UNAVAILABLE;
  }

  metrics::Registry registry_;
  FakeStorage storage_;
  support::CertificateAuthority authority_;
  Service sync_{authority_, "topgun-sync", {"127.0.0.1", "localhost"}};
  Service gateway_{authority_, "topgun-gateway"};
  std::unique_ptr<Server> server_;
};

TEST_F(RpcTlsTest, PeersOfOneAuthorityTalkAndHealthAndReflectionWork) {
  StartServer(sync_.credentials());
  const ChannelPtr channel = Channel(gateway_.credentials());
  const grpc::Status called = Call(channel);
  EXPECT_TRUE(called.ok()) << called.error_message();
  EXPECT_EQ(Call(channel, "/grpc.health.v1.Health/Check", ""), "\x08\x01");
  const std::string list_services("\x3a\x00", 2);
  EXPECT_NE(
      Call(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services)
          .find("topgun.storage.v1.Storage"),
      std::string::npos);
}

// Gateways look at the state of their channels before they make the first call.
TEST_F(RpcTlsTest, AChannelConnectsWithoutACall) {
  StartServer(sync_.credentials());
  const ChannelPtr channel = Channel(gateway_.credentials());
  EXPECT_TRUE(support::WaitUntil([&] { return channel->GetState(true) == GRPC_CHANNEL_READY; }));
}

TEST_F(RpcTlsTest, WhoHasNoCertificateOfTheAuthorityIsRefused) {
  StartServer(sync_.credentials());
  EXPECT_TRUE(Refused(Channel({}))) << "plain text";

  grpc::SslCredentialsOptions without;
  std::ifstream ca(authority_.file());
  without.pem_root_certs.assign(std::istreambuf_iterator<char>(ca), {});
  EXPECT_TRUE(Refused(Channel({.server = nullptr, .channel = grpc::SslCredentials(without)})))
      << "TLS without a certificate";

  // It trusts the server, but another authority made its certificate.
  const support::CertificateAuthority stranger;
  Service intruder(stranger, "topgun-gateway");
  intruder.options().files.ca = authority_.file();
  EXPECT_TRUE(Refused(Channel(intruder.credentials())));
}

TEST_F(RpcTlsTest, AServerThatCannotProveWhoItIsIsRefused) {
  StartServer(sync_.credentials());
  EXPECT_TRUE(Refused(Channel(gateway_.credentials(), "topgun-storage"))) << "another name";
  EXPECT_TRUE(Call(Channel(gateway_.credentials(), "topgun-sync")).ok());

  const support::CertificateAuthority stranger;
  Service misled(stranger, "topgun-gateway");
  EXPECT_TRUE(Refused(Channel(misled.credentials()))) << "another authority";
}

TEST_F(RpcTlsTest, PeerNamesDecideOnBothEnds) {
  sync_.options().peer_names = {"topgun-gateway", "topgun-storage"};
  StartServer(sync_.credentials());
  gateway_.options().peer_names = {"topgun-sync"};
  // The host name does not matter then.
  EXPECT_TRUE(Call(Channel(gateway_.credentials(), "some-host")).ok());

  Service other(authority_, "topgun-other");
  EXPECT_TRUE(Refused(Channel(other.credentials()))) << "a client with another name";
  gateway_.options().peer_names = {"topgun-storage"};
  EXPECT_TRUE(Refused(Channel(gateway_.credentials()))) << "a server with another name";
}

// Everything changes hands to another authority; who still has the old files gets nowhere.
TEST_F(RpcTlsTest, ReplacedCertificatesCountForNewConnectionsAndStreamsLive) {
  StartServer(sync_.credentials());
  const Credentials gateway = gateway_.credentials();
  const ChannelPtr channel = Channel(gateway);
  grpc::ClientContext context;
  const auto stub = pb::Storage::NewStub(channel);
  const auto stream = stub->LoadMap(&context, {});
  stream->WaitForInitialMetadata();
  Service left_behind(authority_, "topgun-left-behind");

  const support::CertificateAuthority next;
  sync_.Replace(next, "topgun-sync", {"127.0.0.1"});
  gateway_.Replace(next, "topgun-gateway");
  EXPECT_TRUE(support::WaitUntil([&] { return Refused(Channel(left_behind.credentials())); }))
      << "the server trusts the next authority";
  EXPECT_TRUE(support::WaitUntil([&] { return Call(Channel(gateway)).ok(); }))
      << "and so does the client, which has a certificate of it";

  EXPECT_EQ(channel->GetState(false), GRPC_CHANNEL_READY);
  EXPECT_TRUE(Call(channel).ok()) << "on the connection that was there before";
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED) << "by us, and only now";
}

TEST_F(RpcTlsTest, SettingsThatDoNotFitAreRefused) {
  const std::vector<UsedAddress> remote = {{"--grpc", "127.0.0.1:9000"}, {"--sync", "sync:9000"}};
  const auto message = [](const TlsOptions& options, const std::vector<UsedAddress>& addresses,
                          const std::vector<std::string>& allowed) {
    return std::string(Message(CheckTls(options, addresses, allowed)));
  };
  EXPECT_EQ(message({}, {remote[0]}, {}), "");
  EXPECT_EQ(message({}, remote, {"grpc"}), "");
  EXPECT_EQ(message({}, remote, {"redis"}),
            "--sync: sync:9000 is not on this machine alone, and grpc has no TLS; set "
            "--grpc-tls-certificate-file, --grpc-tls-key-file and --grpc-tls-ca-file, or allow "
            "plain text with --allow-plaintext=grpc");
  EXPECT_EQ(message(sync_.options(), remote, {}), "");
  TlsOptions options = sync_.options();
  options.files.ca = "";
  EXPECT_EQ(message(options, remote, {}),
            "gRPC with TLS needs all of --grpc-tls-certificate-file, --grpc-tls-key-file and "
            "--grpc-tls-ca-file");
  options.files.ca = "/nowhere/ca.crt";
  EXPECT_NE(message(options, remote, {}).find("/nowhere/ca.crt"), std::string::npos);
  options.files = {};
  options.peer_names = {"topgun-sync"};
  EXPECT_NE(message(options, {}, {}).find("--grpc-tls-peer-names"), std::string::npos);
}

}  // namespace
}  // namespace topgun::rpc
