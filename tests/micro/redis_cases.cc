// lib/redis: the commands of a commit as bytes, both ways a commit may go (docs/adr/0008).
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "case.h"
#include "redis/transaction.h"
#include "state/keys.h"
#include "workload.h"

namespace topgun::micro {
namespace {

constexpr size_t kCommitCells = 500;

// What 500 new values of the first row's maps change.
struct Commit {
  std::string feed = "topgun:{t1}:feed";
  std::string id = "31000000-7";
  std::string entry = std::string(kCommitCells * 270, 'e');
  std::vector<std::string> keys;
  std::vector<std::string> owned;
  std::vector<std::vector<std::string_view>> fields_and_cells;  // of each key

  Commit() {
    owned.reserve(2 * kCommitCells);
    for (size_t map = 0; map < kMaps; ++map) keys.push_back("topgun:{t1}:l:" + MapName(map));
    fields_and_cells.resize(kMaps);
    for (size_t i = 0; i < kCommitCells; ++i) {
      auto& cells = fields_and_cells[i % kMaps];
      cells.push_back(owned.emplace_back(KeyName(i % kKeys)));
      cells.push_back(owned.emplace_back(NodeName(i) + Value(i)));
    }
  }
};

Case::Call EncodeTransaction() {
  return [commit = std::make_shared<const Commit>()] {
    redis::Transaction out;
    out.Add({"XADD", commit->feed, commit->id, "e", commit->entry});
    for (size_t map = 0; map < kMaps; ++map) {
      const std::string_view head[] = {"HSET", commit->keys[map]};
      out.Add(head, commit->fields_and_cells[map]);
    }
    Keep(&out);
  };
}

// One command: keys, then the entry, then what goes to each key.
Case::Call EncodeScript() {
  return [commit = std::make_shared<const Commit>()] {
    std::vector<std::string_view> args = {"EVALSHA", "0123456789abcdef0123456789abcdef01234567"};
    args.insert(args.end(), commit->keys.begin(), commit->keys.end());
    args.push_back(commit->entry);
    for (const auto& cells : commit->fields_and_cells) {
      args.insert(args.end(), cells.begin(), cells.end());
    }
    redis::Transaction out;
    out.Add(args);
    Keep(&out);
  };
}

}  // namespace

void AddRedisCases(std::vector<Case>& cases) {
  cases.push_back(
      {.name = "redis/encode_transaction", .items = kCommitCells, .prepare = EncodeTransaction});
  cases.push_back({.name = "redis/encode_script", .items = kCommitCells, .prepare = EncodeScript});
}

}  // namespace topgun::micro
