// What the tests of POST /sync share: values as MessagePack, answers of a tree reader.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/io.h"
#include "state/cell.h"
#include "support/vectors.h"

namespace topgun::gateway {

inline std::string Pack(std::string_view text) {
  return support::ToMsgpack(support::ParseJson(text));
}

inline constexpr int64_t kNow = 1'700'000'000'000;

struct Committed {
  std::string key;
  int64_t commit_ms = 0;
  bool tombstone = false;
  double ttl_ms = 0;
};

inline std::shared_ptr<const TreeAnswer> Answer(std::vector<Committed> cells, int64_t since_ms = 0,
                                                int64_t horizon_ms = 0) {
  auto answer = std::make_shared<TreeAnswer>();
  answer->horizon_ms = horizon_ms;
  answer->nodes.resize(1);
  std::sort(cells.begin(), cells.end(),
            [](const Committed& a, const Committed& b) { return a.key < b.key; });
  for (const Committed& each : cells) {
    if (each.commit_ms < since_ms) continue;
    const std::string& key = answer->bytes.emplace_back(each.key);
    const std::string value = Pack("{\"of\":\"" + each.key + "\"}");
    const std::string& cell =
        answer->bytes.emplace_back(state::EncodeCell({.version = {},
                                                      .commit_ms = each.commit_ms,
                                                      .timestamp = {each.commit_ms, 0, "n"},
                                                      .tombstone = each.tombstone,
                                                      .has_ttl = each.ttl_ms > 0,
                                                      .ttl_ms = each.ttl_ms,
                                                      .value = each.tombstone ? "" : value}));
    answer->nodes[0].cells.push_back({.key = key, .tag = {}, .cell = cell});
  }
  return answer;
}

}  // namespace topgun::gateway
