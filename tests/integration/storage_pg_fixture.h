// A database of a real Postgres, and what a storage service does with it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "metrics/registry.h"
#include "pg/migrations.h"
#include "pg/pg_cell_store.h"
#include "pg/pg_lease_store.h"
#include "pg/pool.h"
#include "shard/probe.h"
#include "state/cell.h"
#include "state/counted.h"
#include "support/postgres_server.h"
#include "support/wait.h"

namespace topgun::pg {

using namespace std::chrono_literals;
using state::CellKind;
using state::Position;
using storage::LoadedPage;
using storage::WriteBatch;

class StoragePgTest : public testing::Test {
 protected:
  static constexpr uint32_t kShards = 4;

  static void SetUpTestSuite() { server_ = new support::PostgresServer(); }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    database_ = server_->CreateDatabase();
    pool_ = MakePool();
    cells_ = std::make_unique<PgCellStore>(*pool_, probe_);
  }
  void Migrate() {
    ASSERT_TRUE(Run(ApplyMigrations(*pool_)).ok());
    ASSERT_TRUE(Run(RegisterShards(*pool_, kShards)).ok());
  }
  // A migrated database whose shard 0 is leased to "me", in incarnation 1.
  void TakeShard() {
    Migrate();
    PgLeaseStore leases(*pool_, "me", "me:1", 60s);
    ASSERT_TRUE(Run(leases.Renew()).ok());
    ASSERT_EQ(*Run(leases.Claim({0})), std::vector<uint32_t>{0});
    ASSERT_EQ(Run(cells_->RaiseIncarnation(0, "me", 0))->incarnation, 1U);
  }

  std::unique_ptr<Pool> MakePool() {
    auto pool = std::make_unique<Pool>(io_, ConnectionOptions{.conninfo = server_->Dsn(database_)},
                                       2, Pool::Events{});
    pool->Start();
    EXPECT_TRUE(RunUntil([&] { return pool->connected(); }));
    return pool;
  }
  template <typename T>
  T Run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(io_, std::move(work), [&](std::exception_ptr failure, T value) {
      EXPECT_FALSE(failure);
      result.emplace(std::move(value));
    });
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); }));
    return std::move(*result);
  }
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + support::kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.restart();
      io_.run_one_for(50ms);
    }
    return true;
  }
  std::string Query(const std::string& sql) { return server_->Query(sql, database_); }

  struct CellText {
    std::string key;
    std::string value = "\x01";
    std::string tag = {};
    CellKind kind = CellKind::kLww;
    std::string map = "m";
    bool tombstone = false;
    std::optional<double> ttl_ms = {};
    bool created = false;
  };
  void Add(WriteBatch& batch, Position version, const CellText& text) {
    state::CellView cell;
    cell.version = version;
    cell.commit_ms = 1'700'000'000'000;
    cell.timestamp = {1'700'000'000'001, 2, "node"};
    cell.tombstone = text.tombstone;
    cell.has_ttl = text.ttl_ms.has_value();
    cell.ttl_ms = text.ttl_ms.value_or(0);
    cell.value = text.value;
    batch.AddCell({.kind = text.kind,
                   .map = text.map,
                   .key = text.key,
                   .tag = text.tag,
                   .cell = state::EncodeCell(cell),
                   .created = text.created});
    batch.AdvanceTo(version, version.n * 100);
  }
  Status Flush(const WriteBatch& batch, uint64_t incarnation = 1, const std::string& owner = "me") {
    return Run(cells_->Flush(0, owner, incarnation, batch));
  }
  // Writes one cell as the commit after `from`.
  Status FlushOne(Position from, const CellText& text) {
    WriteBatch batch(from, from.n * 100);
    Add(batch, {from.incarnation == 0 ? 1 : from.incarnation, from.n + 1}, text);
    return Flush(batch);
  }

  bool Conflicts(int count) const {
    return registry_.Render().find("\nstorage_flush_insert_conflicts_total " +
                                   std::to_string(count) + "\n") != std::string::npos;
  }

  inline static support::PostgresServer* server_ = nullptr;
  metrics::Registry registry_;
  storage::Probe probe_{registry_};
  boost::asio::io_context io_;
  std::string database_;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<PgCellStore> cells_;
};

}  // namespace topgun::pg
