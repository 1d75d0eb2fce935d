// topgun-sync and topgun-storage with every connection encrypted and every peer known: mutual TLS
// between them, TLS and the least permissions at Redis, TLS and a password at Postgres.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "rpc/channel.h"
#include "rpc/credentials.h"
#include "secure_postgres.h"
#include "secure_redis.h"
#include "state/keys.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

constexpr char kShards[] = "2";
const std::vector<std::string> kHosts = {"127.0.0.1", "localhost"};

// One service as a process; its log tells the port.
class Process {
 public:
  explicit Process(const std::vector<std::string>& command)
      : process_(command, {.output_path = dir_ / "log", .user = "", .environment = {}}) {}

  // host:port of its gRPC server; empty when it has ended instead.
  std::string Address() {
    static const std::regex pattern("\"grpc_port\":([0-9]+)");
    std::smatch port;
    std::string text;
    support::WaitUntil([&] {
      text = Log();
      return std::regex_search(text, port, pattern) || !process_.Running();
    });
    return port.empty() ? "" : "127.0.0.1:" + port[1].str();
  }
  std::string Log() const {
    std::ifstream file(dir_ / "log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  support::TempDir dir_;
  support::ChildProcess process_;
};

class TlsMeshTest : public testing::Test {
 protected:
  void SetUp() override {
    postgres_.server().Query("CREATE DATABASE topgun OWNER topgun");
    storage_ = StartStorage(redis_.security().password_file);
    ASSERT_NE(storage_->Address(), "") << storage_->Log();
    sync_ = StartSync(storage_->Address());
    ASSERT_NE(sync_->Address(), "") << sync_->Log();
    stub_ = v1::Sync::NewStub(rpc::MakeChannel(
        sync_->Address(), {.credentials = rpc::MakeCredentials(TlsOf("gateway"))}));
  }

  rpc::TlsOptions TlsOf(const std::string& role) const {
    std::vector<std::string> names = kHosts;
    names.push_back("topgun-" + role);
    const auto pair = authority_.Issue(role, names);
    rpc::TlsOptions options;
    options.files = {pair.certificate, pair.key, authority_.file()};
    return options;
  }
  // What every service is told.
  std::vector<std::string> Command(const std::string& program, const std::string& role,
                                   const std::string& peers) const {
    const tls::TlsFiles files = TlsOf(role).files;
    return {program,
            "--name",
            role,
            "--grpc",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--shards",
            kShards,
            "--grpc-tls-certificate-file",
            files.certificate,
            "--grpc-tls-key-file",
            files.key,
            "--grpc-tls-ca-file",
            files.ca,
            "--grpc-tls-peer-names",
            peers,
            "--redis",
            redis_.address(),
            "--redis-username",
            "topgun",
            "--redis-password-file",
            redis_.password_file(),
            "--redis-tls",
            "--redis-tls-ca-file",
            authority_.file()};
  }
  std::unique_ptr<Process> StartStorage(const std::string& password_file) {
    auto command = Command(TOPGUN_STORAGE, "storage", "topgun-sync");
    command.insert(command.end(), {"--postgres", postgres_.SecureDsn("topgun"),
                                   "--postgres-password-file", password_file});
    return std::make_unique<Process>(command);
  }
  std::unique_ptr<Process> StartSync(const std::string& storage) {
    auto command = Command(TOPGUN_SYNC, "sync", "topgun-gateway,topgun-storage");
    command.insert(command.end(), {"--storage", storage, "--loops", "1"});
    return std::make_unique<Process>(command);
  }

  // A write of the map `m`, committed by the sync service.
  void Write(const std::string& key) {
    ApplyStream apply(*stub_);
    apply.Send(PartOf("m", ShardOf(key), {{crdt::v1::OP_KIND_PUT, key, "", "\xc3"}}));
    const v1::PartResult result = apply.Next();
    EXPECT_EQ(result.code(), 0) << result.message() << sync_->Log() << storage_->Log();
  }
  static uint32_t ShardOf(const std::string& key) {
    return state::ShardOf(key, static_cast<uint32_t>(std::stoul(kShards)));
  }
  // Postgres has so many records of the map.
  void ExpectPersisted(const std::string& count) {
    const auto records = [this] {
      return postgres_.server().Query("SELECT count(*) FROM topgun.records WHERE map = 'm'",
                                      "topgun");
    };
    EXPECT_TRUE(support::WaitUntil([&] { return records() == count; }))
        << records() << storage_->Log();
  }

  const support::CertificateAuthority authority_;
  redis::SecureRedis redis_{authority_};
  pg::SecurePostgres postgres_{authority_};
  std::unique_ptr<Process> storage_;
  std::unique_ptr<Process> sync_;
  std::unique_ptr<v1::Sync::Stub> stub_;
};

TEST_F(TlsMeshTest, WritesReachPostgresAndComeBackFromThere) {
  Write("first");
  Write("second");
  ExpectPersisted("2");
  // An empty Redis: the shards are opened anew, and the map is loaded from Postgres by way of the
  // storage service before it is written to.
  redis_.Admin({"FLUSHALL"});
  Write("third");
  ExpectPersisted("3");
  // Whatever the services were not allowed to do stands there.
  EXPECT_EQ(redis_.Admin({"--json", "ACL", "LOG"}), "[]\n");
}

TEST_F(TlsMeshTest, AProcessWithAnotherRoleIsRefused) {
  const auto storage_as_gateway = v1::Sync::NewStub(rpc::MakeChannel(
      storage_->Address(), {.credentials = rpc::MakeCredentials(TlsOf("gateway"))}));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
  v1::ListMapsReply response;
  EXPECT_EQ(storage_as_gateway->ListMaps(&context, {}, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "only sync services call a storage service";
}

}  // namespace
}  // namespace topgun::sync
