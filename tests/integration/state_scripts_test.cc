// Every script and every reply code of docs/state-layout.md against a real Redis.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "redis_client.h"
#include "state/feed_entry.h"
#include "state/keys.h"
#include "state/scripts.h"
#include "support/redis_server.h"

namespace topgun::state {
namespace {

using redis::Render;
using Texts = std::vector<std::string>;

class StateScriptsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new support::RedisServer(); }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    client_ = std::make_unique<redis::RedisClient>(server_->address());
    ASSERT_TRUE(client_->Send({"FLUSHALL"}).ok());
  }

  std::string Send(std::initializer_list<std::string_view> args) {
    return Render(client_->Send(args));
  }

  std::string Open(const std::string& run, const std::string& inc, const std::string& n,
                   const std::string& tail_inc, const std::string& tail_n,
                   const Texts& floors = {}) {
    Texts args = {run, inc, n, tail_inc, tail_n, "mark"};
    args.insert(args.end(), floors.begin(), floors.end());
    return Render(client_->Eval(
        OpenScript(), {keys_.meta(), keys_.feed(), keys_.unloaded(), keys_.maps(), keys_.loading()},
        args));
  }
  void OpenFresh() { ASSERT_EQ(Open("run", "5", "1", "0", "0"), "[1]"); }

  // One cell of one map, unless other cells are given.
  std::string Commit(const std::string& n, const std::string& entry = "entry",
                     const Texts& cells = {"k", "v"}, const std::string& limit = "0") {
    return Commit("run", "5", n, limit, entry, {map_id_}, cells);
  }
  std::string Commit(const std::string& run, const std::string& inc, const std::string& n,
                     const std::string& limit, const std::string& entry, const Texts& map_ids,
                     const Texts& cells) {
    Texts args = {run, inc, n, limit, entry, std::to_string(map_ids.size())};
    args.insert(args.end(), map_ids.begin(), map_ids.end());
    args.push_back(std::to_string(cells.size() / 2));
    args.insert(args.end(), cells.begin(), cells.end());
    return Render(client_->Eval(
        CommitScript(), {keys_.meta(), keys_.feed(), keys_.maps(), keys_.unloaded(), cells_key_},
        args));
  }

  // Cells of the one map.
  std::string Prune(const std::string& n, const Texts& horizons, const Texts& fields,
                    const std::string& limit = "0") {
    Texts args = {"run",
                  "5",
                  n,
                  limit,
                  "prune",
                  map_id_,
                  horizon_map_id_,
                  std::to_string(horizons.size() / 2)};
    args.insert(args.end(), horizons.begin(), horizons.end());
    args.insert(args.end(), fields.begin(), fields.end());
    return Render(client_->Eval(
        PruneScript(),
        {keys_.meta(), keys_.feed(), keys_.maps(), keys_.unloaded(), horizons_key_, cells_key_},
        args));
  }

  std::string Begin(const std::string& token) {
    return Render(
        client_->Eval(HydrateBeginScript(), {keys_.unloaded(), keys_.loading()}, {map_id_, token}));
  }
  std::string Chunk(const std::string& token, const Texts& triples) {
    Texts args = {map_id_, token, std::to_string(triples.size() / 3)};
    args.insert(args.end(), triples.begin(), triples.end());
    return Render(client_->Eval(HydrateChunkScript(), {keys_.loading(), cells_key_}, args));
  }
  std::string Finish(const std::string& token) {
    return Render(
        client_->Eval(HydrateFinishScript(),
                      {keys_.unloaded(), keys_.loading(), keys_.meta(), keys_.feed(), keys_.maps()},
                      {map_id_, token, "entry"}));
  }
  std::string Persisted(const std::string& inc, const std::string& pn, const std::string& pbytes,
                        const std::string& trim_id) {
    return Render(client_->Eval(PersistedScript(), {keys_.meta(), keys_.feed()},
                                {inc, inc, pn, pbytes, trim_id}));
  }

  // Everything there is, to show that a refused script wrote nothing.
  std::string Dump() {
    std::string text;
    for (const std::string& key : {keys_.meta(), keys_.maps(), keys_.unloaded(), keys_.loading(),
                                   cells_key_, horizons_key_}) {
      text.append(Send({"HGETALL", key})).append("\n");
    }
    return text.append(Send({"XRANGE", keys_.feed(), "-", "+"}));
  }

  static support::RedisServer* server_;
  std::unique_ptr<redis::RedisClient> client_;
  const ShardKeys keys_{"tg", 0, 1};
  const std::string map_id_ = MapId(CellKind::kLww, "todos");
  const std::string cells_key_ = keys_.Cells(CellKind::kLww, "todos");
  const std::string horizon_map_id_ = MapId(CellKind::kLww, kHorizonMap);
  const std::string horizons_key_ = keys_.Cells(CellKind::kLww, kHorizonMap);
};
support::RedisServer* StateScriptsTest::server_ = nullptr;

// --- commit ---

TEST_F(StateScriptsTest, CommitAppendsTheEntryAndWritesCellsAndCounters) {
  OpenFresh();
  EXPECT_EQ(Commit("1", "entry", {"k1", "v1", "k2", "v2"}), "[1 2 9 0 0]");
  EXPECT_EQ(Commit("2", "entries", {"k1", "v3"}), "[1 3 16 0 0]");
  EXPECT_EQ(Send({"XRANGE", keys_.feed(), "-", "+"}),
            "[[\"5-1\" [\"e\" \"mark\" \"b\" \"4\"]]"
            " [\"5-2\" [\"e\" \"entry\" \"b\" \"9\"]]"
            " [\"5-3\" [\"e\" \"entries\" \"b\" \"16\"]]]");
  EXPECT_EQ(Send({"HGETALL", cells_key_}), "[\"k1\" \"v3\" \"k2\" \"v2\"]");
  EXPECT_EQ(Send({"HMGET", keys_.meta(), "run", "inc", "n", "bytes"}),
            "[\"run\" \"5\" \"3\" \"16\"]");
  EXPECT_EQ(Send({"HGET", keys_.maps(), map_id_}), "\"3\"");
}

TEST_F(StateScriptsTest, CommitKeepsArbitraryBytes) {
  OpenFresh();
  const std::string bytes("\0\r\n\xff{}", 6);
  ASSERT_EQ(Commit("1", bytes, {bytes, bytes}), "[1 2 10 0 0]");
  EXPECT_EQ(Send({"HGET", cells_key_, bytes}), "\"" + bytes + "\"");
}

TEST_F(StateScriptsTest, CommitWithAnotherTailIsAConflict) {
  OpenFresh();
  ASSERT_EQ(Commit("1"), "[1 2 9 0 0]");
  const std::string before = Dump();
  EXPECT_EQ(Commit("1"), "[2 2]");
  EXPECT_EQ(Commit("3"), "[2 2]");
  EXPECT_EQ(Dump(), before);
}

TEST_F(StateScriptsTest, CommitToAClosedShardNamesWhatIsOpen) {
  EXPECT_EQ(Commit("1"), "[3 \"\" \"\"]");
  OpenFresh();
  const std::string before = Dump();
  EXPECT_EQ(Commit("other", "5", "1", "0", "entry", {map_id_}, {"k", "v"}), "[3 \"run\" \"5\"]");
  EXPECT_EQ(Commit("run", "4", "1", "0", "entry", {map_id_}, {"k", "v"}), "[3 \"run\" \"5\"]");
  EXPECT_EQ(Dump(), before);
}

TEST_F(StateScriptsTest, CommitToUnloadedMapsNamesThem) {
  ASSERT_EQ(Open("run", "5", "1", "0", "0",
                 {"\x01"
                  "a",
                  "0-0",
                  "\x02"
                  "b",
                  "0-0"}),
            "[1]");
  const std::string before = Dump();
  EXPECT_EQ(Commit("run", "5", "1", "0", "entry",
                   {"\x01"
                    "a",
                    "\x01"
                    "c",
                    "\x02"
                    "b"},
                   {"k", "v"}),
            "[4 \"\x01"
            "a\" \"\x02"
            "b\"]");
  EXPECT_EQ(Commit("run", "5", "1", "0", "",
                   {"\x02"
                    "b"},
                   {}),
            "[4 \"\x02"
            "b\"]")
      << "compare-only";
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Commit("run", "5", "1", "0", "entry",
                   {"\x01"
                    "c"},
                   {"k", "v"}),
            "[1 2 9 0 0]")
      << "other maps of the shard are served";
}

TEST_F(StateScriptsTest, CommitIsRefusedWhileTooMuchWaitsForPostgres) {
  OpenFresh();
  ASSERT_EQ(Commit("1", "entry", {"k", "v"}, "4"), "[1 2 9 0 0]") << "4 bytes wait, 4 may";
  const std::string before = Dump();
  EXPECT_EQ(Commit("2", "entry", {"k", "v"}, "8"), "[5 9]");
  EXPECT_EQ(Commit("2", "", {}, "8"), "[1 2 9 0 0]") << "compare-only writes nothing";
  EXPECT_EQ(Dump(), before);
  ASSERT_EQ(Persisted("5", "2", "9", "0-0"), "[1]");
  EXPECT_EQ(Commit("2", "entry", {"k", "v"}, "8"), "[1 3 14 5 2]");
  EXPECT_EQ(Commit("3", "entry", {"k", "v"}, "0"), "[1 4 19 5 2]") << "no limit";
}

TEST_F(StateScriptsTest, CompareOnlyChecksAndWritesNothing) {
  OpenFresh();
  const std::string before = Dump();
  EXPECT_EQ(Commit("1", "", {}), "[1 1 4 0 0]");
  EXPECT_EQ(Commit("0", "", {}), "[2 1]");
  EXPECT_EQ(Commit("run", "6", "1", "0", "", {}, {}), "[3 \"run\" \"5\"]");
  EXPECT_EQ(Dump(), before);
}

TEST_F(StateScriptsTest, CommitTakesMoreCellsAndMapsThanOneCallCarries) {
  OpenFresh();
  Texts cells;
  Texts map_ids;
  for (int i = 0; i < 9'001; ++i) {
    cells.push_back("k" + std::to_string(i));
    cells.push_back("v" + std::to_string(i));
    map_ids.push_back("\x01m" + std::to_string(i));
  }
  ASSERT_EQ(Commit("run", "5", "1", "0", "entry", map_ids, cells), "[1 2 9 0 0]");
  EXPECT_EQ(Send({"HLEN", cells_key_}), "9001");
  EXPECT_EQ(Send({"HGET", cells_key_, "k9000"}), "\"v9000\"");
  EXPECT_EQ(Send({"HGETALL", keys_.maps()}), "[\"\x01m0\" \"2\"]")
      << "a map that was only read has not changed";

  ASSERT_EQ(Open("run2", "6", "3", "5", "2", {"\x01m0", "0-0", "\x01m9000", "0-0"}), "[1]");
  EXPECT_EQ(Commit("run2", "6", "3", "0", "entry", map_ids, cells), "[4 \"\x01m0\" \"\x01m9000\"]");
}

TEST_F(StateScriptsTest, CommitWritesSeveralHashes) {
  OpenFresh();
  const std::string other = keys_.Cells(CellKind::kOr, "tags");
  EXPECT_EQ(Render(client_->Eval(
                CommitScript(),
                {keys_.meta(), keys_.feed(), keys_.maps(), keys_.unloaded(), cells_key_, other},
                {"run", "5", "1", "0", "entry", "2", "\x01todos", "\x02tags", "1", "k", "v", "2",
                 "x", "1", "y", "2"})),
            "[1 2 9 0 0]");
  EXPECT_EQ(Send({"HGETALL", cells_key_}), "[\"k\" \"v\"]");
  EXPECT_EQ(Send({"HGETALL", other}), "[\"x\" \"1\" \"y\" \"2\"]");
  EXPECT_EQ(Send({"HGETALL", keys_.maps()}), "[\"\x01todos\" \"2\" \"\x02tags\" \"2\"]");
}

TEST_F(StateScriptsTest, CommitWithWrongCountsWritesNothing) {
  OpenFresh();
  const std::string before = Dump();
  const auto reply = client_->Eval(
      CommitScript(), {keys_.meta(), keys_.feed(), keys_.maps(), keys_.unloaded(), cells_key_},
      {"run", "5", "1", "0", "entry", "0", "2", "k", "v"});
  EXPECT_EQ(reply.status().code(), StatusCode::kInternal) << Render(reply);
  EXPECT_NE(Commit("run", "5", "1", "0", "entry", {}, {"k", "v"}).find("counts"), std::string::npos)
      << "a hash whose map is not named";
  EXPECT_EQ(Dump(), before);
}

TEST_F(StateScriptsTest, CountersStayExactBeyondFourteenDigits) {
  ASSERT_EQ(Open("run", "5", "1234567890123456", "0", "0"), "[1]");
  ASSERT_TRUE(client_->Send({"HSET", keys_.meta(), "bytes", "1234567890123450"}).ok());
  EXPECT_EQ(Commit("1234567890123456"), "[1 1234567890123457 1234567890123455 0 0]");
  EXPECT_EQ(Send({"HMGET", keys_.meta(), "n", "bytes"}),
            "[\"1234567890123457\" \"1234567890123455\"]");
  EXPECT_EQ(Send({"HGET", keys_.maps(), map_id_}), "\"1234567890123457\"");
}

// --- prune ---

TEST_F(StateScriptsTest, PruneDropsCellsAndWritesHorizons) {
  OpenFresh();
  ASSERT_EQ(Commit("1", "entry", {"a", "1", "b", "2", "c", "3"}), "[1 2 9 0 0]");
  EXPECT_EQ(Prune("2", {"f", "horizon"}, {"a", "c", "unknown"}), "[1 3 14 0 0]");
  EXPECT_EQ(Send({"HGETALL", cells_key_}), "[\"b\" \"2\"]");
  EXPECT_EQ(Send({"HGETALL", horizons_key_}), "[\"f\" \"horizon\"]");
  EXPECT_EQ(Send({"HGET", keys_.maps(), map_id_}), "\"3\"");
  EXPECT_EQ(Send({"HGET", keys_.maps(), horizon_map_id_}), "\"3\"");
  EXPECT_EQ(Send({"HMGET", keys_.meta(), "n", "bytes"}), "[\"3\" \"14\"]");
  EXPECT_EQ(Send({"XRANGE", keys_.feed(), "5-3", "+"}),
            "[[\"5-3\" [\"e\" \"prune\" \"b\" \"14\"]]]");
}

TEST_F(StateScriptsTest, PruneForgetsAMapWithoutCells) {
  OpenFresh();
  ASSERT_EQ(Commit("1"), "[1 2 9 0 0]");
  EXPECT_EQ(Prune("2", {}, {"k"}), "[1 3 14 0 0]");
  EXPECT_EQ(Send({"HLEN", keys_.maps()}), "0") << "no horizon, no map";
}

TEST_F(StateScriptsTest, PruneChecksWhatCommitChecks) {
  EXPECT_EQ(Prune("1", {}, {"k"}), "[3 \"\" \"\"]");
  ASSERT_EQ(Open("run", "5", "1", "0", "0", {horizon_map_id_, "0-0"}), "[1]");
  ASSERT_EQ(Commit("1"), "[1 2 9 0 0]");
  const std::string before = Dump();
  EXPECT_EQ(Prune("1", {}, {"k"}), "[2 2]") << "somebody wrote since the cells were read";
  EXPECT_EQ(Prune("2", {}, {"k"}), "[4 \"" + horizon_map_id_ + "\"]");
  ASSERT_EQ(Send({"DEL", keys_.unloaded()}), "1");
  EXPECT_EQ(Prune("2", {}, {"k"}, "8"), "[5 9]");
  EXPECT_NE(Prune("2", {}, {}).find("counts"), std::string::npos) << "nothing to prune";
  ASSERT_EQ(Send({"HSET", keys_.unloaded(), horizon_map_id_, "0-0"}), "1");
  EXPECT_EQ(Dump(), before);
}

TEST_F(StateScriptsTest, PruneTakesMoreCellsThanOneCallCarries) {
  OpenFresh();
  Texts cells;
  Texts fields;
  for (int i = 0; i < 9'001; ++i) {
    fields.push_back("k" + std::to_string(i));
    cells.insert(cells.end(), {fields.back(), "v"});
  }
  ASSERT_EQ(Commit("1", "entry", cells), "[1 2 9 0 0]");
  EXPECT_EQ(Prune("2", {}, fields), "[1 3 14 0 0]");
  EXPECT_EQ(Send({"EXISTS", cells_key_}), "0");
}

// --- open ---

TEST_F(StateScriptsTest, OpenDependsOnTheTail) {
  EXPECT_EQ(Open("run", "5", "1", "4", "9"), "[2 0 0]");
  OpenFresh();
  ASSERT_EQ(Commit("1"), "[1 2 9 0 0]");
  const std::string before = Dump();
  EXPECT_EQ(Open("run2", "6", "2", "5", "1"), "[2 5 2]");
  EXPECT_EQ(Open("run2", "6", "2", "4", "2"), "[2 5 2]");
  EXPECT_EQ(Dump(), before);

  EXPECT_EQ(Open("run2", "6", "3", "5", "2"), "[1]");
  EXPECT_EQ(Send({"HMGET", keys_.meta(), "run", "inc", "n", "bytes"}),
            "[\"run2\" \"6\" \"3\" \"13\"]");
  EXPECT_EQ(Send({"XREVRANGE", keys_.feed(), "+", "-", "COUNT", "1"}),
            "[[\"6-3\" [\"e\" \"mark\" \"b\" \"13\"]]]");
  EXPECT_EQ(Send({"HGET", keys_.maps(), map_id_}), "\"2\"") << "maps keeps its counts";
  EXPECT_EQ(Commit("run2", "6", "3", "0", "entry", {map_id_}, {"k", "v"}), "[1 4 18 0 0]");
}

TEST_F(StateScriptsTest, OpenWithAnIncarnationThatIsNotNewWritesNothing) {
  OpenFresh();
  const std::string before = Dump();
  EXPECT_NE(Open("run2", "4", "2", "5", "1", {map_id_, "5-1"}), "[1]");
  EXPECT_EQ(Dump(), before);
}

TEST_F(StateScriptsTest, OpenKeepsLowerFloorsAndEndsHydrations) {
  ASSERT_EQ(Open("run", "5", "1", "0", "0",
                 {"\x01"
                  "a",
                  "4-900",
                  "\x01"
                  "b",
                  "4-900"}),
            "[1]");
  ASSERT_TRUE(client_
                  ->Send({"HSET", keys_.loading(),
                          "\x01"
                          "a",
                          "token"})
                  .ok());
  ASSERT_EQ(Open("run2", "6", "2", "5", "1",
                 {"\x01"
                  "a",
                  "5-1",
                  "\x01"
                  "b",
                  "4-89",
                  "\x01"
                  "c",
                  "5-1"}),
            "[1]");
  EXPECT_EQ(Send({"HMGET", keys_.unloaded(),
                  "\x01"
                  "a",
                  "\x01"
                  "b",
                  "\x01"
                  "c"}),
            "[\"4-900\" \"4-89\" \"5-1\"]");
  EXPECT_EQ(Send({"EXISTS", keys_.loading()}), "0");
}

// --- hydrate ---

TEST_F(StateScriptsTest, HydrationLoadsAMap) {
  ASSERT_EQ(Open("run", "5", "1", "0", "0", {map_id_, "3-7"}), "[1]");
  ASSERT_EQ(Begin("t1"), "[1 \"3-7\"]");
  EXPECT_EQ(Chunk("t1", {"k1", "", "v1", "k2", "", "v2"}), "[1]");
  EXPECT_EQ(Chunk("t1", {"k1", "v1", "v1+"}), "[1]");
  EXPECT_EQ(Chunk("t1", {}), "[1]");
  EXPECT_EQ(Commit("1"), "[4 \"" + map_id_ + "\"]") << "not before it is finished";
  EXPECT_EQ(Finish("t1"), "[1]");
  EXPECT_EQ(Send({"HGETALL", cells_key_}), "[\"k1\" \"v1+\" \"k2\" \"v2\"]");
  EXPECT_EQ(Send({"HGET", keys_.maps(), map_id_}), "\"2\"");
  EXPECT_EQ(Send({"XREVRANGE", keys_.feed(), "+", "-", "COUNT", "1"}),
            "[[\"5-2\" [\"e\" \"entry\" \"b\" \"9\"]]]");
  EXPECT_EQ(Send({"HMGET", keys_.meta(), "n", "bytes"}), "[\"2\" \"9\"]");
  EXPECT_EQ(Send({"EXISTS", keys_.unloaded(), keys_.loading()}), "0");
  EXPECT_EQ(Begin("t2"), "[0]") << "loaded";
  EXPECT_EQ(Commit("1"), "[2 2]") << "what was read before the load is worthless";
  EXPECT_EQ(Commit("2"), "[1 3 14 0 0]");
}

TEST_F(StateScriptsTest, HydrationReportsClashesAndWritesTheRest) {
  ASSERT_EQ(Open("run", "5", "1", "0", "0", {map_id_, "0-0"}), "[1]");
  ASSERT_EQ(Begin("t1"), "[1 \"0-0\"]");
  ASSERT_EQ(Chunk("t1", {"k1", "", "theirs"}), "[1]");
  EXPECT_EQ(Chunk("t1", {"k0", "", "v0", "k1", "", "mine", "k2", "was", "mine", "k3", "", "v3"}),
            "[1 1 2]");
  EXPECT_EQ(Send({"HGETALL", cells_key_}), "[\"k1\" \"theirs\" \"k0\" \"v0\" \"k3\" \"v3\"]");
}

TEST_F(StateScriptsTest, HydrationTakesMoreRowsThanOneCallCarries) {
  ASSERT_EQ(Open("run", "5", "1", "0", "0", {map_id_, "0-0"}), "[1]");
  ASSERT_EQ(Begin("t1"), "[1 \"0-0\"]");
  Texts triples;
  for (int i = 0; i < 4'321; ++i) {
    const bool clash = i == 2'000 || i == 4'320;
    triples.insert(triples.end(), {"k" + std::to_string(i), clash ? "other" : "", "v"});
  }
  EXPECT_EQ(Chunk("t1", triples), "[1 2000 4320]");
  EXPECT_EQ(Send({"HLEN", cells_key_}), "4319");
}

TEST_F(StateScriptsTest, HydrationWithAStaleTokenIsRefused) {
  ASSERT_EQ(Open("run", "5", "1", "0", "0", {map_id_, "0-0"}), "[1]");
  EXPECT_EQ(Chunk("t1", {"k", "", "v"}), "[0]") << "never begun";
  ASSERT_EQ(Begin("t1"), "[1 \"0-0\"]");
  ASSERT_EQ(Begin("t2"), "[1 \"0-0\"]");
  const std::string before = Dump();
  EXPECT_EQ(Chunk("t1", {"k", "", "v"}), "[0]");
  EXPECT_EQ(Finish("t1"), "[0]");
  EXPECT_EQ(Dump(), before);
  ASSERT_EQ(Open("run2", "6", "2", "5", "1"), "[1]");
  EXPECT_EQ(Finish("t2"), "[0]") << "opening ends hydrations";
}

// --- persisted ---

TEST_F(StateScriptsTest, PersistedPublishesAndTrims) {
  OpenFresh();
  for (int n = 1; n <= 4; ++n) ASSERT_EQ(Commit(std::to_string(n)).substr(0, 3), "[1 ");
  EXPECT_EQ(Persisted("4", "3", "14", "5-3"), "[0]") << "another incarnation";
  EXPECT_EQ(Persisted("5", "3", "14", "0-0"), "[1]");
  EXPECT_EQ(Send({"XLEN", keys_.feed()}), "5");
  EXPECT_EQ(Persisted("5", "4", "19", "5-3"), "[1]");
  EXPECT_EQ(Send({"HMGET", keys_.meta(), "pinc", "pn", "pbytes"}), "[\"5\" \"4\" \"19\"]");
  EXPECT_EQ(Send({"XRANGE", keys_.feed(), "-", "+", "COUNT", "1"}),
            "[[\"5-3\" [\"e\" \"entry\" \"b\" \"14\"]]]");
}

TEST_F(StateScriptsTest, PersistedKeepsTheNewestEntry) {
  OpenFresh();
  ASSERT_EQ(Commit("1"), "[1 2 9 0 0]");
  for (const std::string trim_id : {"5-3", "6-0", "5-2"}) {
    ASSERT_EQ(Persisted("5", "2", "9", trim_id), "[1]");
    EXPECT_EQ(Send({"XRANGE", keys_.feed(), "-", "+"}),
              "[[\"5-2\" [\"e\" \"entry\" \"b\" \"9\"]]]");
  }
}

}  // namespace
}  // namespace topgun::state
