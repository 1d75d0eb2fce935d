// ormap_merge.json: every script step and every convergence set, in the client's role; the sets
// once more in the server's.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "crdt/or_map.h"
#include "crdt_vectors.h"
#include "support/manual_clock.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

using Values = std::vector<std::string>;

const json::object& OrMapVectors() { return support::LoadVectors("ormap_merge.json").as_object(); }

std::map<std::string, std::vector<OrRecord>> StoredItems(const OrMap& map) {
  std::map<std::string, std::vector<OrRecord>> items;
  for (const auto& [key, records] : map.records()) {
    std::vector<OrRecord>& sorted = items[key];
    sorted = records;
    std::sort(sorted.begin(), sorted.end(),
              [](const OrRecord& a, const OrRecord& b) { return a.tag < b.tag; });
  }
  return items;
}

Values VisibleValues(const OrMap& map, const std::string& key, int64_t now_ms) {
  Values values;
  for (const OrRecord* record : map.VisibleRecords(key, now_ms)) values.push_back(record->value);
  return values;
}

void ExpectState(OrMap& map, int64_t now_ms, const json::value& state, bool sort_visible) {
  std::map<std::string, std::vector<OrRecord>> items;
  for (const auto& [key, records] : state.at("items").as_object()) {
    items[std::string(key.data(), key.size())] = ReadOrRecords(records);
  }
  EXPECT_EQ(StoredItems(map), items);
  EXPECT_EQ(map.tombstones(), ReadStrings(state.at("tombstones")));
  for (const auto& [key, expected] : state.at("visible").as_object()) {
    Values values;
    for (const json::value& value : expected.as_array()) {
      values.push_back(support::ToMsgpack(value));
    }
    Values visible = VisibleValues(map, std::string(key.data(), key.size()), now_ms);
    if (sort_visible) std::sort(visible.begin(), visible.end());
    EXPECT_EQ(visible, values);
  }
  EXPECT_EQ(map.tree().root_hash(), ReadHash(state.at("rootHash")));
}

class OrScript {
 public:
  void Run(const json::object& step) {
    wall_.Set(step.at("wall").to_number<int64_t>());
    Operate(step, String(step.at("op")));
    ExpectState(map_, wall_.NowMs(), step.at("state"), false);
  }

 private:
  void Operate(const json::object& step, const std::string& op) {
    if (op == "add") {
      const auto record = map_.Add(String(step.at("key")), support::ToMsgpack(step.at("value")));
      ASSERT_TRUE(record.ok());
      EXPECT_EQ(*record, ReadOrRecord(step.at("result")));
    } else if (op == "remove") {
      EXPECT_EQ(map_.RemoveValue(String(step.at("key")), support::ToMsgpack(step.at("value"))),
                ReadStrings(step.at("removedTags")));
    } else if (op == "apply") {
      EXPECT_EQ(map_.Apply(String(step.at("key")), ReadOrRecord(step.at("record"))),
                step.at("applied").as_bool());
    } else if (op == "applyTombstone") {
      map_.ApplyTombstone(support::Text(step.at("tag")));
    } else if (op == "mergeKey") {
      const OrMap::MergeCounts counts =
          map_.MergeKey(String(step.at("key")), ReadOrRecords(step.at("records")),
                        ReadStrings(step.at("tombstones")));
      EXPECT_EQ(counts.added, step.at("result").at("added").to_number<size_t>());
      EXPECT_EQ(counts.updated, step.at("result").at("updated").to_number<size_t>());
    } else if (op == "mergeMap") {
      MergeMap(step.at("other"));
    } else if (op == "prune") {
      std::vector<std::string> tags = map_.Prune(ReadTimestamp(step.at("olderThan")).view());
      std::sort(tags.begin(), tags.end());
      EXPECT_EQ(tags, ReadStrings(step.at("removedTags")));
    } else if (op == "clear") {
      map_.Clear();
    } else {
      ASSERT_EQ(op, "noop");
    }
  }

  void MergeMap(const json::value& description) {
    HybridLogicalClock other_clock("other", wall_);
    OrMap other(other_clock, OrMap::Role::kClient);
    for (const json::value& item : description.at("items").as_array()) {
      other.Apply(String(item.at("key")), ReadOrRecord(item.at("record")));
    }
    for (const json::value& tag : description.at("tombstones").as_array()) {
      other.ApplyTombstone(support::Text(tag));
    }
    map_.MergeMap(other);
  }

  support::ManualClock wall_;
  HybridLogicalClock clock_{"local", wall_};
  OrMap map_{clock_, OrMap::Role::kClient};
};

TEST(OrVectors, Scripts) {
  for (const json::value& script : OrMapVectors().at("scripts").as_array()) {
    SCOPED_TRACE(Name(script.as_object()));
    OrScript run;
    for (const json::value& step : script.at("steps").as_array()) {
      SCOPED_TRACE(json::serialize(step));
      run.Run(step.as_object());
    }
  }
}

void ExpectSameStateInEveryOrder(const json::value& item, OrMap::Role role) {
  const json::array& deltas = item.at("deltas").as_array();
  std::vector<size_t> order(deltas.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    const support::ManualClock wall(1000);
    HybridLogicalClock clock("local", wall);
    OrMap map(clock, role);
    for (const size_t i : order) {
      map.MergeKey(String(item.at("key")), ReadOrRecords(deltas[i].at("records")),
                   ReadStrings(deltas[i].at("tombstones")));
    }
    ExpectState(map, wall.NowMs(), item.at("stateForEveryOrder"), true);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(OrVectors, SameStateInEveryOrder) {
  for (const json::value& item : OrMapVectors().at("convergence").as_array()) {
    SCOPED_TRACE(json::serialize(item));
    ExpectSameStateInEveryOrder(item, OrMap::Role::kClient);
    ExpectSameStateInEveryOrder(item, OrMap::Role::kServer);
  }
}

}  // namespace
}  // namespace topgun::crdt
