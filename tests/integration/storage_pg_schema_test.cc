// The schema in a real Postgres: migrations, and the view for people.
#include "storage_pg_fixture.h"

namespace topgun::pg {
namespace {

TEST_F(StoragePgTest, MigrationsAreAppliedOnce) {
  Migrate();
  const std::string applied = Query("SELECT max(applied) FROM topgun.schema_migrations");
  Migrate();
  EXPECT_EQ(Query("SELECT max(applied) FROM topgun.schema_migrations"), applied);
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.schema_migrations"),
            std::to_string(Migrations().size()));
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.leases"), "4");
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

TEST_F(StoragePgTest, CountersAreReadable) {
  TakeShard();
  WriteBatch batch({0, 0}, 0);
  const auto count = [&](uint64_t n, const std::string& name, const std::string& node,
                         const state::Counted& counted) {
    Add(batch, {1, n},
        {.key = node, .value = EncodeCounted(counted), .kind = CellKind::kCounter, .map = name});
  };
  count(1, "likes", "n1", {5, 1});
  count(2, "likes", "n2", {0.5, 0});
  count(3, "huge", "n1", {1.7e308, 0});
  count(4, "huge", "n2", {1.7e308, 0});
  Add(batch, {1, 5}, {.key = "n1", .map = "likes"});
  ASSERT_TRUE(Flush(batch).ok());
  EXPECT_EQ(Query("SELECT key || ' ' || value || ' ' || coalesce(clock, 'no clock') FROM "
                  "topgun.records WHERE map = 'likes' AND kind = 'counter' AND key = 'n1'"),
            "n1 [5, 1] no clock");
  EXPECT_EQ(Query("SELECT value || ' ' || nodes FROM topgun.counters WHERE name = 'likes'"),
            "4.5 2");
  EXPECT_EQ(Query("SELECT value > 3e308 FROM topgun.counters WHERE name = 'huge'"), "t");
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
