// lww_merge.json: every script step and every convergence set.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "crdt/lww_map.h"
#include "crdt_vectors.h"
#include "support/manual_clock.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

const json::object& LwwVectors() { return support::LoadVectors("lww_merge.json").as_object(); }

class LwwScript {
 public:
  void Run(const json::object& step) {
    wall_.Set(step.at("wall").to_number<int64_t>());
    Operate(step, String(step.at("op")));
    EXPECT_EQ(map_.tree().root_hash(), ReadHash(step.at("rootHash")));
    EXPECT_EQ(map_.tree().size(), map_.records().size());
    ExpectState(step.at("state").as_object());
    ExpectEntries(step.at("entries").as_array());
  }

 private:
  void Operate(const json::object& step, const std::string& op) {
    const auto key = [&step] { return String(step.at("key")); };
    if (op == "merge") {
      const MergeOutcome outcome = map_.Merge(key(), ReadLwwRecord(step.at("record")));
      EXPECT_EQ(outcome == MergeOutcome::kApplied, step.at("accepted").as_bool());
    } else if (op == "set") {
      Set(step, key());
    } else if (op == "remove") {
      EXPECT_EQ(map_.Remove(key()), ReadLwwRecord(step.at("result")));
    } else if (op == "adoptServerEcho") {
      EXPECT_EQ(map_.AdoptEcho(key(), ReadLwwRecord(step.at("record"))),
                step.at("adopted").as_bool());
    } else if (op == "prune") {
      std::vector<std::string> keys = map_.Prune(ReadTimestamp(step.at("olderThan")).view());
      std::sort(keys.begin(), keys.end());
      EXPECT_EQ(keys, ReadStrings(step.at("removedKeys")));
    } else if (op == "clear") {
      map_.Clear();
    } else {
      ASSERT_EQ(op, "noop");
    }
  }

  void Set(const json::object& step, const std::string& key) {
    const auto result = map_.Set(key, support::ToMsgpack(step.at("value")), ReadTtl(step));
    ASSERT_EQ(result.ok(), !step.contains("error"));
    if (!result.ok()) return;
    EXPECT_EQ(**result, ReadLwwRecord(step.at("result")));
  }

  void ExpectState(const json::object& state) {
    for (const auto& [key, expected] : state) {
      const LwwRecord* record = map_.Find({key.data(), key.size()});
      if (expected.at("record").is_null()) {
        EXPECT_EQ(record, nullptr);
        continue;
      }
      ASSERT_NE(record, nullptr);
      EXPECT_EQ(*record, ReadLwwRecord(expected.at("record")));
      EXPECT_EQ(IsVisible(*record, wall_.NowMs()), expected.at("visible").as_bool());
    }
  }

  // The client iterates in order of insertion; a server's order is free, so sets are compared.
  void ExpectEntries(const json::array& entries) {
    std::map<std::string, std::string> expected;
    for (const json::value& entry : entries) {
      expected.emplace(String(entry.at(0)), support::ToMsgpack(entry.at(1)));
    }
    std::map<std::string, std::string> visible;
    for (const auto& [key, record] : map_.records()) {
      if (IsVisible(record, wall_.NowMs())) visible.emplace(key, record.value);
    }
    EXPECT_EQ(visible, expected);
  }

  support::ManualClock wall_;
  HybridLogicalClock clock_{"local", wall_};
  LwwMap map_{clock_};
};

TEST(LwwVectors, Scripts) {
  for (const json::value& script : LwwVectors().at("scripts").as_array()) {
    SCOPED_TRACE(Name(script.as_object()));
    LwwScript run;
    for (const json::value& step : script.at("steps").as_array()) {
      SCOPED_TRACE(json::serialize(step));
      run.Run(step.as_object());
    }
  }
}

TEST(LwwVectors, SameWinnerInEveryOrder) {
  for (const json::value& item : LwwVectors().at("convergence").as_array()) {
    SCOPED_TRACE(json::serialize(item));
    std::vector<LwwRecord> records;
    for (const json::value& record : item.at("records").as_array()) {
      records.push_back(ReadLwwRecord(record));
    }
    std::vector<size_t> order(records.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    do {
      const support::ManualClock wall(1000);
      HybridLogicalClock clock("local", wall);
      LwwMap map(clock);
      for (const size_t i : order) map.Merge("k", records[i]);
      ASSERT_NE(map.Find("k"), nullptr);
      EXPECT_EQ(*map.Find("k"), ReadLwwRecord(item.at("winnerForEveryOrder")));
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

}  // namespace
}  // namespace topgun::crdt
