// topgun-storage as a process, with a private Redis and Postgres, and the part of a sync service
// that a test needs: committing and calling.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "redis_client.h"
#include "state/cell.h"
#include "state/feed_entry.h"
#include "state/keys.h"
#include "state/scripts.h"
#include "support/child_process.h"
#include "support/postgres_server.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"
#include "support/wait.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::storage {

inline constexpr uint32_t kTestShards = 4;

// One running topgun-storage; killed with the object.
class StorageProcess {
 public:
  StorageProcess(const std::string& name, const support::RedisServer& redis, const std::string& dsn,
                 std::vector<std::string> more = {}, const std::string& grpc = "127.0.0.1:0") {
    std::vector<std::string> command = {TOPGUN_STORAGE,
                                        "--name",
                                        name,
                                        "--grpc",
                                        grpc,
                                        "--admin",
                                        "127.0.0.1:0",
                                        "--redis",
                                        redis.address(),
                                        "--postgres",
                                        dsn,
                                        "--shards",
                                        std::to_string(kTestShards),
                                        "--lease-ms",
                                        "1500"};
    command.insert(command.end(), more.begin(), more.end());
    support::ChildProcess::Options options;
    options.output_path = log_.path() + "/log";
    process_ = support::ChildProcess(command, options);
  }

  // The port stands in the log.
  v1::Storage::Stub& stub() {
    if (stub_ == nullptr) {
      std::smatch port;
      EXPECT_TRUE(support::WaitUntil([&] {
        static const std::regex pattern("\"grpc_port\":([0-9]+)");
        log_text_ = Log();
        return std::regex_search(log_text_, port, pattern);
      })) << Log();
      stub_ = v1::Storage::NewStub(
          grpc::CreateChannel("127.0.0.1:" + port[1].str(), grpc::InsecureChannelCredentials()));
    }
    return *stub_;
  }
  std::string Log() const {
    std::ifstream file(log_.path() + "/log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  support::ChildProcess& process() { return process_; }
  // The port stands in the log once it has started.
  uint16_t admin_port() const {
    std::smatch port;
    std::string text;
    EXPECT_TRUE(support::WaitUntil([&] {
      static const std::regex pattern("\"admin_port\":([0-9]+)");
      text = Log();
      return std::regex_search(text, port, pattern);
    })) << text;
    return port.empty() ? uint16_t{0} : static_cast<uint16_t>(std::stoi(port[1].str()));
  }

 private:
  support::TempDir log_;
  support::ChildProcess process_;
  std::unique_ptr<v1::Storage::Stub> stub_;
  std::string log_text_;
};

// What LoadMap hands back.
struct Loaded {
  grpc::Status status;
  std::map<std::string, std::string> values;
};

inline Loaded Load(v1::Storage::Stub& stub, uint32_t shard, const std::string& map,
                   uint64_t floor_inc, uint64_t floor_n) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
  v1::LoadMapRequest request;
  request.set_shard(shard);
  request.set_kind(1);
  request.set_map(map);
  request.set_floor_incarnation(floor_inc);
  request.set_floor_n(floor_n);
  const auto reader = stub.LoadMap(&context, request);
  Loaded loaded;
  v1::LoadMapChunk chunk;
  while (reader->Read(&chunk)) {
    size_t key_at = 0;
    size_t cell_at = 0;
    for (int i = 0; i < chunk.cell_lengths_size(); ++i) {
      state::CellView cell;
      EXPECT_TRUE(state::DecodeCell(
          std::string_view(chunk.cells()).substr(cell_at, chunk.cell_lengths(i)), &cell));
      loaded.values[chunk.keys().substr(key_at, chunk.key_lengths(i))] = std::string(cell.value);
      key_at += chunk.key_lengths(i);
      cell_at += chunk.cell_lengths(i);
    }
  }
  loaded.status = reader->Finish();
  return loaded;
}

class StorageClusterTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { postgres_ = new support::PostgresServer(); }
  static void TearDownTestSuite() { delete postgres_; }

  void SetUp() override {
    postgres_->Start();
    database_ = postgres_->CreateDatabase();
    redis_ = std::make_unique<redis::RedisClient>(server_.address());
  }

  std::unique_ptr<StorageProcess> StartStorage(const std::string& name,
                                               std::vector<std::string> more = {}) {
    return std::make_unique<StorageProcess>(name, server_, Dsn(), std::move(more));
  }
  // What the processes connect to.
  virtual std::string Dsn() const { return postgres_->Dsn(database_); }
  // Asks until the shard is open; the incarnation.
  uint64_t Open(StorageProcess& storage, uint32_t shard) {
    v1::OpenShardResponse response;
    EXPECT_TRUE(support::WaitUntil([&] { return TryOpen(storage, shard, &response).ok(); }))
        << storage.Log();
    return response.incarnation();
  }
  grpc::Status TryOpen(StorageProcess& storage, uint32_t shard, v1::OpenShardResponse* response,
                       grpc::ClientContext* context = nullptr) {
    grpc::ClientContext own;
    grpc::ClientContext& used = context == nullptr ? own : *context;
    used.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    v1::OpenShardRequest request;
    request.set_shard(shard);
    request.set_run(redis_->run());
    return storage.stub().OpenShard(&used, request, response);
  }

  std::string Send(std::initializer_list<std::string_view> args) {
    return redis::Render(redis_->Send(args));
  }
  std::string Meta(uint32_t shard, std::string_view field) {
    const auto reply = redis_->Send({"HGET", Keys(shard).meta(), field});
    return reply.ok() ? std::string(redis::ReplyView(reply->get()).str()) : "";
  }
  static state::ShardKeys Keys(uint32_t shard) { return {"tg", shard, kTestShards}; }

  // What a sync service does for one write of an LWW map. False when the shard is closed.
  bool Commit(uint32_t shard, const std::string& map, const std::string& key,
              const std::string& value) {
    const std::string n = Meta(shard, "n");
    if (n.empty()) return false;
    state::CellView cell;
    cell.version = {std::stoull(Meta(shard, "inc")), std::stoull(n) + 1};
    cell.timestamp = {1'700'000'000'000, static_cast<int64_t>(cell.version.n), "node"};
    cell.commit_ms = 1'700'000'000'000;
    cell.value = value;
    const std::string encoded = state::EncodeCell(cell);
    state::FeedEntryBuilder builder;
    builder.Add({state::CellKind::kLww, 0, builder.MapIndex(map), 0, key, "", encoded});
    const state::ShardKeys keys = Keys(shard);
    const auto reply =
        redis_->Eval(state::CommitScript(),
                     {keys.meta(), keys.feed(), keys.maps(), keys.unloaded(),
                      keys.Cells(state::CellKind::kLww, map)},
                     {redis_->run(), std::to_string(cell.version.incarnation), n, "0",
                      builder.Build(1), "1", state::MapId(state::CellKind::kLww, map), "1",
                      state::CellField(state::CellKind::kLww, key, ""), encoded});
    return reply.ok() && redis::ReplyView(reply->get())[0].integer() == 1;
  }

  std::string Query(const std::string& sql) { return postgres_->Query(sql, database_); }
  // "key=value ..." of a map in Postgres.
  std::string Rows(const std::string& map) {
    return Query(
        "SELECT coalesce(string_agg(key || '=' || value, ' ' ORDER BY key COLLATE \"C\"), '') "
        "FROM topgun.records WHERE map = '" +
        map + "'");
  }
  void ExpectRows(const std::string& map, const std::string& rows) {
    EXPECT_TRUE(support::WaitUntil([&] { return Rows(map) == rows; })) << Rows(map);
  }
  // Postgres has the shard up to its tail, and Redis knows.
  void ExpectPersisted(uint32_t shard) {
    EXPECT_TRUE(support::WaitUntil([&] {
      return !Meta(shard, "pn").empty() && Meta(shard, "pn") == Meta(shard, "n") &&
             Meta(shard, "pinc") == Meta(shard, "inc");
    })) << Meta(shard, "pinc")
        << "-" << Meta(shard, "pn") << " of " << Meta(shard, "n");
  }

  static support::PostgresServer* postgres_;
  support::RedisServer server_;
  std::unique_ptr<redis::RedisClient> redis_;
  std::string database_;
};

inline support::PostgresServer* StorageClusterTest::postgres_ = nullptr;

}  // namespace topgun::storage
