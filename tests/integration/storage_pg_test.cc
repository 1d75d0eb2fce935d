// The Postgres side of storage-service against a real Postgres: migrations, fence, merge guard,
// pages, reconnecting, the readable view.
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
#include "support/postgres_server.h"
#include "support/wait.h"

namespace topgun::pg {
namespace {

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

  static support::PostgresServer* server_;
  metrics::Registry registry_;
  storage::Probe probe_{registry_};
  boost::asio::io_context io_;
  std::string database_;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<PgCellStore> cells_;
};

support::PostgresServer* StoragePgTest::server_ = nullptr;

TEST_F(StoragePgTest, MigrationsAreAppliedOnce) {
  Migrate();
  const std::string applied = Query("SELECT max(applied) FROM topgun.schema_migrations");
  Migrate();
  EXPECT_EQ(Query("SELECT max(applied) FROM topgun.schema_migrations"), applied);
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.schema_migrations"),
            std::to_string(Migrations().size()));
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.leases"), "4");
}

// As a release with migrations up to 4 wrote them.
TEST_F(StoragePgTest, RowsInColumnsBecomeCells) {
  Query("CREATE SCHEMA topgun");
  Query(
      "CREATE TABLE topgun.schema_migrations (version int PRIMARY KEY, name text NOT NULL, "
      "applied timestamptz NOT NULL DEFAULT now())");
  for (const Migration& migration : Migrations()) {
    if (migration.version > 4) break;
    Query(std::string(migration.sql));
    Query("INSERT INTO topgun.schema_migrations VALUES (" + std::to_string(migration.version) +
          ", '" + std::string(migration.name) + "')");
  }
  Query("INSERT INTO topgun.maps (map_id, name, name_digest) VALUES (7, 'm', sha256('m'))");
  const auto insert = [this](int kind, const std::string& key, const std::string& tag,
                             const std::string& rest) {
    Query("INSERT INTO topgun.cells SELECT 0, " + std::to_string(kind) + ", 7, sha256('\\x0" +
          std::to_string(key.size()) + "'::bytea || '" + key + tag + "'), '" + key + "', '" + tag +
          "', " + rest);
  };
  insert(1, "k", "", "1, 5, 1700000000000, 1700000000001, 2, 'node', false, 1.5, '\\xcd0100'");
  insert(1, "gone", "", "300, 1, 0, -1, 9007199254740993, '', true, NULL, ''");
  insert(2, "set", "1700000000000:0:n", "1, 6, 1, 2, 3, 'n', false, NULL, '\\xc3'");
  TakeShard();

  const auto load = [this](CellKind kind) {
    std::map<std::string, std::string> cells;
    const auto page = Run(cells_->LoadPage({0, kind, "m", {}}, ""));
    for (const LoadedPage::Cell& cell : page->cells) {
      cells[cell.key + "/" + cell.tag] = cell.cell;
    }
    return cells;
  };
  const state::CellView k{{1, 5},
                          1'700'000'000'000,
                          {1'700'000'000'001, 2, "node"},
                          false,
                          true,
                          1.5,
                          std::string_view("\xcd\x01\x00", 3)};
  const state::CellView gone{{300, 1}, 0, {-1, 9'007'199'254'740'993, ""}, true, false, 0, {}};
  const state::CellView set{{1, 6}, 1, {2, 3, "n"}, false, false, 0, "\xc3"};
  EXPECT_EQ(load(CellKind::kLww), (std::map<std::string, std::string>{
                                      {"gone/", state::EncodeCell(gone)},
                                      {"k/", state::EncodeCell(k)},
                                  }));
  EXPECT_EQ(load(CellKind::kOr), (std::map<std::string, std::string>{
                                     {"set/1700000000000:0:n", state::EncodeCell(set)},
                                 }));
  EXPECT_EQ(Query("SELECT extract(epoch FROM expires) FROM topgun.records WHERE key = 'k'"),
            "1700000000.002500");
  EXPECT_EQ(Query("SELECT clock FROM topgun.records WHERE key = 'gone'"), "-1:9007199254740993:");

  // They are found under the keys that flushes make.
  WriteBatch batch({0, 0}, 0);
  Add(batch, {301, 1}, {.key = "k"});
  Add(batch, {301, 2}, {.key = "gone"});
  Add(batch, {301, 3}, {.key = "set", .tag = "1700000000000:0:n", .kind = CellKind::kOr});
  ASSERT_TRUE(Flush(batch).ok());
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.cells"), "3");
}

TEST_F(StoragePgTest, ProcessesThatStartTogetherMigrateOnce) {
  std::vector<std::unique_ptr<Pool>> pools;
  for (int i = 0; i < 6; ++i) pools.push_back(MakePool());
  size_t done = 0;
  for (const auto& pool : pools) {
    boost::asio::co_spawn(io_, ApplyMigrations(*pool), [&](std::exception_ptr, Status status) {
      EXPECT_TRUE(status.ok()) << ToString(status);
      ++done;
    });
  }
  ASSERT_TRUE(RunUntil([&] { return done == pools.size(); }));
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.schema_migrations"),
            std::to_string(Migrations().size()));
}

TEST_F(StoragePgTest, AnotherShardCountIsRefused) {
  Migrate();
  EXPECT_EQ(Run(RegisterShards(*pool_, 8)).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.shards"), "4");
}

TEST_F(StoragePgTest, AFlushMovesThePositionWithItsRows) {
  TakeShard();
  WriteBatch batch({0, 0}, 0);
  Add(batch, {1, 1}, {.key = "a"});
  Add(batch, {1, 2}, {.key = "b", .kind = CellKind::kOr, .map = "w"});
  ASSERT_TRUE(Flush(batch).ok());
  const auto row = Run(cells_->ReadShard(0));
  EXPECT_EQ(row->position, (Position{1, 2}));
  EXPECT_EQ(row->bytes, 200U);
  EXPECT_EQ(Query("SELECT string_agg(map || '/' || key, ' ' ORDER BY map) FROM topgun.records"),
            "m/a w/b");
  EXPECT_EQ(*Run(cells_->MapsAbove(0, {1, 1})),
            std::vector<std::string>{state::MapId(CellKind::kOr, "w")});
}

TEST_F(StoragePgTest, RowsOfOneFlushMayShareAnyColumnsButTheirKey) {
  TakeShard();
  WriteBatch batch({0, 0}, 0);
  for (const char* map : {"m", "v", "w"}) Add(batch, {1, 1}, {.key = "a", .map = map});
  ASSERT_TRUE(Flush(batch).ok());
  WriteBatch more({1, 1}, 100);
  Add(more, {1, 2}, {.key = "a", .value = "\x02"});
  Add(more, {1, 2}, {.key = "b", .value = "\x02"});
  ASSERT_TRUE(Flush(more).ok());
  EXPECT_EQ(
      Query("SELECT string_agg(map || key || value, ' ' ORDER BY map, key) FROM topgun.records"),
      "ma2 mb2 va1 wa1");
}

TEST(PgArray, IsUniformWhenAllElementsAreOneValue) {
  Array array(Type::kBytea);
  EXPECT_FALSE(array.uniform());
  for (int i = 0; i < 3; ++i) {
    array.AddBytes("ab");
    EXPECT_TRUE(array.uniform());
    EXPECT_EQ(array.first(), "ab");
  }
  array.AddBytes("ac");
  EXPECT_FALSE(array.uniform());

  Array repeating(Type::kBytea);  // bytes, not elements
  repeating.AddBytes("");
  repeating.AddBytes(std::string_view("\0\0\0\0\0\0\0\x08", 8));
  EXPECT_FALSE(repeating.uniform());
}

TEST_F(StoragePgTest, TheFenceRefusesWhoeverIsWrongAboutTheShard) {
  TakeShard();
  ASSERT_TRUE(FlushOne({0, 0}, {.key = "a"}).ok());
  WriteBatch batch({1, 1}, 100);
  Add(batch, {1, 2}, {.key = "b"});
  EXPECT_EQ(Flush(batch, 1, "other").code(), StatusCode::kAborted);
  EXPECT_EQ(Flush(batch, 2).code(), StatusCode::kAborted);
  EXPECT_EQ(FlushOne({0, 0}, {.key = "b"}).code(), StatusCode::kAborted);
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.cells"), "1");
  EXPECT_EQ(Run(cells_->ReadShard(0))->position, (Position{1, 1}));
  EXPECT_TRUE(Flush(batch).ok());
  EXPECT_EQ(Flush(batch).code(), StatusCode::kAborted);  // the same again
}

TEST_F(StoragePgTest, ThePositionStaysWhenTheRowsFail) {
  TakeShard();
  ASSERT_TRUE(FlushOne({0, 0}, {.key = "a"}).ok());
  Query("ALTER TABLE topgun.cells ADD CONSTRAINT no_b CHECK (key <> 'b')");
  EXPECT_EQ(FlushOne({1, 1}, {.key = "b"}).code(), StatusCode::kInternal);
  EXPECT_EQ(Run(cells_->ReadShard(0))->position, (Position{1, 1}));
  Query("ALTER TABLE topgun.cells DROP CONSTRAINT no_b");
  EXPECT_TRUE(FlushOne({1, 1}, {.key = "b"}).ok());
}

TEST_F(StoragePgTest, AnOlderVersionNeverReplacesANewerOne) {
  TakeShard();
  WriteBatch newer({0, 0}, 0);
  Add(newer, {1, 5}, {.key = "k", .value = "\x05"});
  ASSERT_TRUE(Flush(newer).ok());
  WriteBatch older({1, 5}, 500);  // as a scan may find it
  Add(older, {1, 3}, {.key = "k", .value = "\x03"});
  Add(older, {1, 4}, {.key = "new", .value = "\x04"});
  older.AdvanceTo({1, 6}, 600);
  ASSERT_TRUE(Flush(older).ok());
  EXPECT_EQ(Query("SELECT string_agg(key || value, ' ' ORDER BY key) FROM topgun.records"),
            "k5 new4");
  EXPECT_EQ(Query("SELECT n FROM topgun.shard_maps"), "5");
}

TEST_F(StoragePgTest, CreatedRowsAreInsertedBesideThoseThatReplace) {
  TakeShard();
  WriteBatch first({0, 0}, 0);
  Add(first, {1, 1}, {.key = "a", .created = true});
  ASSERT_TRUE(Flush(first).ok());
  WriteBatch batch({1, 1}, 100);
  Add(batch, {1, 2}, {.key = "a", .value = "\x02"});
  Add(batch, {1, 3}, {.key = "b", .tag = "t", .kind = CellKind::kOr, .created = true});
  Add(batch, {1, 4}, {.key = "c", .ttl_ms = 1000, .created = true});
  Add(batch, {1, 5}, {.key = "d", .value = "", .tombstone = true, .created = true});
  ASSERT_TRUE(Flush(batch).ok());
  EXPECT_EQ(Query("SELECT string_agg(concat_ws(',', key, tag, version, value, deleted, "
                  "expires IS NULL), ' ' ORDER BY key) FROM topgun.records"),
            "a,1-2,2,f,t b,t,1-3,1,f,t c,1-4,1,f,f d,1-5,t,t");
  EXPECT_EQ(Query("SELECT max(n) FROM topgun.shard_maps"), "5");
  EXPECT_TRUE(Conflicts(0));
}

TEST_F(StoragePgTest, ACreatedRowThatIsThereAlreadyIsMerged) {
  TakeShard();
  WriteBatch scanned({0, 0}, 0);  // by a scan that saw more than its range
  Add(scanned, {1, 5}, {.key = "newer", .value = "\x05"});
  Add(scanned, {1, 1}, {.key = "older", .value = "\x01"});
  scanned.AdvanceTo({1, 1}, 100);
  ASSERT_TRUE(Flush(scanned).ok());
  WriteBatch batch({1, 1}, 100);
  Add(batch, {1, 2}, {.key = "newer", .value = "\x02", .created = true});
  Add(batch, {1, 3}, {.key = "older", .value = "\x03", .created = true});
  Add(batch, {1, 4}, {.key = "new", .value = "\x04", .created = true});
  ASSERT_TRUE(Flush(batch).ok());
  EXPECT_EQ(Query("SELECT string_agg(key || value, ' ' ORDER BY key) FROM topgun.records"),
            "new4 newer5 older3");
  EXPECT_EQ(Run(cells_->ReadShard(0))->position, (Position{1, 4}));
  EXPECT_TRUE(Conflicts(1));
  EXPECT_EQ(Flush(batch).code(), StatusCode::kAborted) << "the fence is the repetition's as well";
}

TEST_F(StoragePgTest, DroppedCellsLoseTheirRowsUnlessTheyAreNewer) {
  TakeShard();
  WriteBatch batch({0, 0}, 0);
  Add(batch, {1, 1}, {.key = "gone"});
  Add(batch, {1, 2}, {.key = "newer"});
  Add(batch, {1, 3}, {.key = "other"});
  ASSERT_TRUE(Flush(batch).ok());
  WriteBatch prune({1, 3}, 300);
  const auto drop = [&prune](Position version, const std::string& key, const std::string& map) {
    state::CellView cell;
    cell.version = version;
    cell.tombstone = true;
    prune.AddCell({CellKind::kLww, map, key, "", state::EncodeCell(cell), true});
  };
  drop({1, 1}, "gone", "m");
  drop({1, 1}, "newer", "m");
  drop({1, 9}, "other", "w");
  drop({1, 9}, "never persisted", "m");
  prune.AdvanceTo({1, 4}, 400);
  ASSERT_TRUE(Flush(prune).ok());
  EXPECT_EQ(Query("SELECT string_agg(key, ' ' ORDER BY key) FROM topgun.records"), "newer other");
  EXPECT_EQ(Query("SELECT n FROM topgun.shard_maps"), "3") << "nothing to fetch for a dropped row";
  EXPECT_EQ(Run(cells_->ReadShard(0))->position, (Position{1, 4}));
}

TEST_F(StoragePgTest, RaisingTheIncarnationNeedsTheLease) {
  TakeShard();
  EXPECT_EQ(Run(cells_->RaiseIncarnation(0, "me", 7))->incarnation, 8U);
  EXPECT_EQ(Run(cells_->RaiseIncarnation(0, "me", 3))->incarnation, 9U);
  EXPECT_EQ(Run(cells_->RaiseIncarnation(0, "other", 0)).status().code(),
            StatusCode::kFailedPrecondition);
  Query("UPDATE topgun.leases SET held_until = now() - interval '1 s'");
  EXPECT_EQ(Run(cells_->RaiseIncarnation(0, "me", 0)).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(StoragePgTest, LeasesExpireByTheClockOfPostgres) {
  Migrate();
  PgLeaseStore a(*pool_, "a", "a:1", 60s);
  PgLeaseStore b(*pool_, "b", "b:1", 60s);
  ASSERT_TRUE(Run(a.Renew()).ok());
  EXPECT_EQ(Run(a.Claim({0, 1}))->size(), 2U);
  EXPECT_EQ(Run(b.Claim({1, 2})).value(), std::vector<uint32_t>{2});
  Query("UPDATE topgun.leases SET held_until = now() - interval '1 s' WHERE shard = 1");
  const auto seen = Run(b.Renew());
  EXPECT_EQ(seen->processes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(seen->leases[0].address, "a:1");
  EXPECT_EQ(seen->leases[1].owner, "");
  EXPECT_EQ(Run(b.Claim({0, 1})).value(), std::vector<uint32_t>{1});
  ASSERT_TRUE(Run(a.Leave()).ok());
  EXPECT_EQ(Run(b.Renew())->processes, std::vector<std::string>{"b"});
  EXPECT_EQ(Run(b.Claim({0}))->size(), 1U);
}

TEST_F(StoragePgTest, PagesCoverAMapAboveTheFloor) {
  TakeShard();
  WriteBatch batch({0, 0}, 0);
  for (int i = 1; i <= 1201; ++i) {
    Add(batch, {1, static_cast<uint64_t>(i)}, {.key = std::to_string(i)});
  }
  for (int i = 0; i < 3; ++i) {  // each of them more than half a page
    Add(batch, {1, 1300},
        {.key = std::to_string(i), .value = std::string(700'000, 'x'), .map = "w"});
  }
  ASSERT_TRUE(Flush(batch).ok());

  const auto load = [this](const std::string& map, Position floor) {
    std::vector<size_t> pages;
    std::map<std::string, LoadedPage::Cell> found;
    std::string after;
    for (bool more = true; more;) {
      const auto page = Run(cells_->LoadPage({0, CellKind::kLww, map, floor}, after));
      pages.push_back(page->cells.size());
      for (const LoadedPage::Cell& cell : page->cells) found[cell.key] = cell;
      after = page->last_sort_key;
      more = page->more;
    }
    return std::pair(pages, found);
  };
  const auto [pages, found] = load("m", {0, 0});
  EXPECT_EQ(pages, (std::vector<size_t>{500, 500, 201}));
  EXPECT_EQ(found.size(), 1201U);
  state::CellView cell;
  ASSERT_TRUE(state::DecodeCell(found.at("77").cell, &cell));
  EXPECT_EQ(cell.version, (Position{1, 77}));
  EXPECT_EQ(cell.timestamp.node_id, "node");
  EXPECT_EQ(cell.value, "\x01");
  EXPECT_EQ(load("m", {1, 1199}).second.size(), 2U);
  EXPECT_EQ(load("w", {0, 0}).first, (std::vector<size_t>{2, 1}));
  EXPECT_EQ(load("unknown", {0, 0}).second.size(), 0U);
}

TEST_F(StoragePgTest, ReconnectsAndFailsWhatWasInFlight) {
  Migrate();
  bool failed = false;
  boost::asio::co_spawn(io_, pool_->Execute(Statement{"SELECT pg_sleep(60)", {}}),
                        [&](std::exception_ptr, const StatusOr<Results>& results) {
                          EXPECT_EQ(results.status().code(), StatusCode::kUnavailable);
                          failed = true;
                        });
  ASSERT_TRUE(RunUntil([this] {
    return Query(
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = "
               "'active' AND pid <> pg_backend_pid()") == "1";
  }));
  Query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  EXPECT_TRUE(RunUntil([&] { return failed; }));
  EXPECT_TRUE(RunUntil([this] { return pool_->connected(); }));
  EXPECT_TRUE(RunUntil([this] { return Run(pool_->Execute(Statement{"SELECT 1", {}})).ok(); }));
}

TEST_F(StoragePgTest, AnErrorFailsItsBatchAndNotTheNext) {
  std::vector<Statement> bad;
  bad.push_back({"CREATE TABLE t (i int)", {}});
  bad.push_back({"SELECT 1 / 0", {}});
  bad.push_back({"CREATE TABLE u (i int)", {}});
  EXPECT_EQ(Run(pool_->Execute(std::move(bad))).status().code(), StatusCode::kInternal);
  EXPECT_TRUE(Run(pool_->Execute(Statement{"SELECT 1", {}})).ok());
  EXPECT_EQ(Query("SELECT coalesce(to_regclass('t')::text, 'none')"), "none");
}

TEST_F(StoragePgTest, RecordsAreReadable) {
  TakeShard();
  WriteBatch batch({0, 0}, 0);
  Add(batch, {1, 1}, {.key = "int", .value = "\xcd\x01\x00" + std::string(), .map = "m"});
  Add(batch, {1, 2}, {.key = "gone", .value = "", .tombstone = true});
  Add(batch, {1, 3}, {.key = "set", .value = "\xc3", .tag = "tag", .kind = CellKind::kOr});
  Add(batch, {1, 4}, {.key = "short-lived", .value = "\xc2", .ttl_ms = 1000});
  Add(batch, {1, 5}, {.key = "\xed\xa0\x80", .value = "\xa1x"});
  ASSERT_TRUE(Flush(batch).ok());
  const auto one = [this](const std::string& what, const std::string& key) {
    return Query("SELECT coalesce((" + what + ")::text, 'NULL') FROM topgun.records WHERE key = '" +
                 key + "'");
  };
  EXPECT_EQ(one("clock", "int"), "1700000000001:2:node");
  EXPECT_EQ(one("deleted", "gone"), "true");
  EXPECT_EQ(one("value", "gone"), "NULL");
  EXPECT_EQ(one("kind || ' ' || tag || ' ' || value", "set"), "or tag true");
  EXPECT_EQ(one("extract(epoch FROM expires) * 1000", "short-lived"), "1700000001001.000000");
  EXPECT_EQ(one("expires", "int"), "NULL");
  EXPECT_EQ(one("value", "\\355\\240\\200"), "\"x\"");
}

struct MsgpackCase {
  std::string hex;
  std::string json;  // "NULL": malformed
};

TEST_F(StoragePgTest, MessagePackBecomesJson) {
  Migrate();
  const std::vector<MsgpackCase> cases = {
      {"00", "0"},
      {"7f", "127"},
      {"ff", "-1"},
      {"e0", "-32"},
      {"ccff", "255"},
      {"cdffff", "65535"},
      {"ceffffffff", "4294967295"},
      {"cf7fffffffffffffff", "9223372036854775807"},
      {"cfffffffffffffffff", "18446744073709551615"},
      {"d080", "-128"},
      {"d18000", "-32768"},
      {"d280000000", "-2147483648"},
      {"d38000000000000000", "-9223372036854775808"},
      {"d07f", "127"},
      {"ca3fc00000", "1.5"},
      {"ca3dcccccd", "0.10000000149011612"},
      {"cb3fb999999999999a", "0.1"},
      {"cbc008000000000000", "-3"},
      {"cb4341c37937e08000", "10000000000000000"},
      {"cb7ff8000000000000", "\"NaN\""},
      {"cb7ff0000000000000", "\"Infinity\""},
      {"cbfff0000000000000", "\"-Infinity\""},
      {"c0", "null"},
      {"c2", "false"},
      {"c3", "true"},
      {"a0", "\"\""},
      {"a3e282ac", "\"€\""},
      {"d90161", "\"a\""},
      {"da000161", "\"a\""},
      {"db0000000161", "\"a\""},
      {"a2ff00", R"("\\377\\000")"},  // no text can hold it: escaped
      {"c403010203", R"({"$binary": "010203"})"},
      {"c5000101", R"({"$binary": "01"})"},
      {"d6ff00000001", R"({"$ext": -1, "$binary": "00000001"})"},
      {"c70205aabb", R"({"$ext": 5, "$binary": "aabb"})"},
      {"90", "[]"},
      {"93010203", "[1, 2, 3]"},
      {"dc000101", "[1]"},
      {"dd0000000101", "[1]"},
      {"80", "{}"},
      {"82a16101a162920281a163c0", R"({"a": 1, "b": [2, {"c": null}]})"},
      {"de0001a16101", R"({"a": 1})"},
      {"df00000001a16101", R"({"a": 1})"},
      {"8201a161c3a162", R"({"1": "a", "true": "b"})"},
      {"82a16101a16102", R"({"a": 2})"},  // the last one counts
      {"", "NULL"},
      {"c1", "NULL"},
      {"cc", "NULL"},
      {"0000", "NULL"},
      {"a36161", "NULL"},
      {"9201", "NULL"},
      {"81a161", "NULL"},
      {"dfffffffff", "NULL"},
      {"ddffffffff00", "NULL"},
      {"dbffffffff61", "NULL"},
  };
  for (const MsgpackCase& test : cases) {
    EXPECT_EQ(Query("SELECT coalesce(topgun.msgpack_to_json('\\x" + test.hex + "')::text, 'NULL')"),
              test.json)
        << test.hex;
  }
  const std::string deep = "SELECT topgun.msgpack_to_json(decode(repeat('91', ";
  EXPECT_EQ(Query(deep + "255) || '90', 'hex')) IS NULL"), "f");
  EXPECT_EQ(Query(deep + "100000), 'hex')) IS NULL"), "t");
}

}  // namespace
}  // namespace topgun::pg
