// The Postgres side of storage-service against a real Postgres: fence, merge guard, leases, pages,
// reconnecting.
#include "storage_pg_fixture.h"

namespace topgun::pg {
namespace {

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

}  // namespace
}  // namespace topgun::pg
