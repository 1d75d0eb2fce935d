// Which statements a batch becomes, and which rows go where. What they do: storage_pg_test.cc.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flush_statements.h"
#include "sort_key.h"
#include "state/cell.h"

namespace topgun::pg {
namespace {

struct Row {
  std::string key;
  bool created = false;
  bool pruned = false;
};

class FlushStatementsTest : public testing::Test {
 protected:
  // "fence", "plan", "insert", "merge", "maps" or "delete" of each statement.
  std::vector<std::string> Kinds(const std::vector<Row>& rows,
                                 CreatedRows created_rows = CreatedRows::kInsert) {
    storage::WriteBatch batch({1, 1}, 0);
    state::CellView cell;
    cell.version = {1, 2};
    for (const Row& row : rows) {
      cell.value = row.key;
      batch.AddCell({.kind = state::CellKind::kLww,
                     .map = "m",
                     .key = row.key,
                     .tag = {},
                     .cell = state::EncodeCell(cell),
                     .pruned = row.pruned,
                     .created = row.created});
    }
    statements_ = FlushStatements(
        3, "me", 1, batch, [](std::string_view) { return 7; }, created_rows);
    std::vector<std::string> kinds;
    for (const Statement& statement : statements_) kinds.push_back(KindOf(statement.sql));
    return kinds;
  }

  static std::string KindOf(const std::string& sql) {
    for (const auto& [words, kind] :
         std::vector<std::pair<std::string, std::string>>{{"begin_flush", "fence"},
                                                          {"enable_seqscan", "plan"},
                                                          {"MERGE INTO topgun.cells", "merge"},
                                                          {"INSERT INTO topgun.cells", "insert"},
                                                          {"INSERT INTO topgun.shard_maps", "maps"},
                                                          {"DELETE FROM topgun.cells", "delete"}}) {
      if (sql.find(words) != std::string::npos) return kind;
    }
    return sql;
  }
  // Whether a parameter of the statement holds the key.
  bool Has(size_t statement, const std::string& key) const {
    for (const std::string& value : statements_.at(statement).params.values()) {
      if (value.find(key) != std::string::npos) return true;
    }
    return false;
  }

  std::vector<Statement> statements_;
};

TEST(SortKeyTest, BeginsWithWhatClientsCountUpAndEndsWithADigest) {
  SortKeyMaker keys;
  const auto prefix = [](const SortKey& key) { return BytesOf(key).substr(0, 12); };
  const SortKey lww = keys.Of(state::CellKind::kLww, "key-0000000001", "");
  EXPECT_EQ(prefix(lww), "key-00000000");
  EXPECT_EQ(prefix(keys.Of(state::CellKind::kLww, "k", "")), std::string("k").append(11, '\0'));
  const SortKey tagged = keys.Of(state::CellKind::kOr, "key", "1700000000000:0:n");
  EXPECT_EQ(prefix(tagged), "170000000000");
  EXPECT_NE(lww, keys.Of(state::CellKind::kLww, "key-0000000002", ""));
  EXPECT_NE(tagged, keys.Of(state::CellKind::kOr, "kez", "1700000000000:0:n"));
  EXPECT_NE(keys.Of(state::CellKind::kOr, "a", "bc"), keys.Of(state::CellKind::kOr, "ab", "c"));
}

TEST_F(FlushStatementsTest, CreatedRowsAreInsertedAndOthersMerged) {
  ASSERT_EQ(Kinds({{"key-a", true}, {"key-b"}, {"key-c", true}}),
            (std::vector<std::string>{"fence", "plan", "insert", "merge", "maps"}));
  EXPECT_TRUE(Has(2, "key-a") && Has(2, "key-c"));
  EXPECT_FALSE(Has(2, "key-b"));
  EXPECT_TRUE(Has(3, "key-b"));
  EXPECT_FALSE(Has(3, "key-a") || Has(3, "key-c"));
}

TEST_F(FlushStatementsTest, NothingIsLookedUpWhenAllRowsAreCreated) {
  EXPECT_EQ(Kinds({{"key-a", true}, {"key-b", true}}),
            (std::vector<std::string>{"fence", "insert", "maps"}));
}

TEST_F(FlushStatementsTest, ARepetitionMergesCreatedRowsAsWell) {
  ASSERT_EQ(Kinds({{"key-a", true}, {"key-b"}}, CreatedRows::kMerge),
            (std::vector<std::string>{"fence", "plan", "merge", "maps"}));
  EXPECT_TRUE(Has(2, "key-a") && Has(2, "key-b"));
}

TEST_F(FlushStatementsTest, APrunedRowIsDeletedEvenIfItWasCreatedInTheSameBatch) {
  EXPECT_EQ(Kinds({{"key-a", true, true}}), (std::vector<std::string>{"fence", "plan", "delete"}));
}

TEST_F(FlushStatementsTest, ABatchWithoutRowsMovesThePositionOnly) {
  EXPECT_EQ(Kinds({}), std::vector<std::string>{"fence"});
}

}  // namespace
}  // namespace topgun::pg
