// topgunctl merkle diff: whether two gateways see the same records of a map, and which differ.
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "merkle_walk.h"
#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

std::string TextOf(const json::object& object, json::string_view name) {
  return json::value_to<std::string>(object.at(name));
}

// "1700000000000.3 node-1", with "removed" behind it.
std::string RecordText(const json::object& record) {
  const json::object& stamp = record.at("timestamp").as_object();
  std::string text = std::to_string(stamp.at("millis").to_number<int64_t>()) + "." +
                     std::to_string(stamp.at("counter").to_number<int64_t>()) + " " +
                     TextOf(stamp, "nodeId");
  if (record.at("removed").as_bool()) text += " removed";
  return text;
}

TreeNode NodeOf(const json::object& shown) {
  TreeNode node;
  node.hash = shown.at("hash").to_number<int64_t>();
  if (const json::value* const children = shown.if_contains("children")) {
    for (const auto& child : children->as_object()) {
      if (child.key().empty()) continue;
      node.children[child.key().front()] = child.value().to_number<int64_t>();
    }
  }
  if (const json::value* const records = shown.if_contains("records")) {
    for (const json::value& record : records->as_array()) {
      const json::object& fields = record.as_object();
      std::string key = TextOf(fields, "key");
      if (fields.contains("tag")) key += "/" + TextOf(fields, "tag");
      node.records[std::move(key)] = RecordText(fields);
    }
  }
  return node;
}

ReadNodes ReaderOf(const Session& session, const Gateway& gateway,
                   const MerkleDiffOptions& options) {
  return [&session, gateway, &options](const std::vector<std::string>& paths,
                                       bool records) -> StatusOr<std::vector<TreeNode>> {
    std::string target = "/api/admin/maps/" + EncodePercent(options.map) +
                         "/tree?kind=" + options.kind + "&records=" + (records ? "true" : "false") +
                         "&paths=";
    for (size_t i = 0; i < paths.size(); ++i) target += (i == 0 ? "" : ",") + paths[i];
    ASSIGN_OR_RETURN(const json::value answer, session.AskGateway(gateway, target));
    std::vector<TreeNode> nodes;
    for (const json::value& node : answer.at("nodes").as_array()) {
      nodes.push_back(NodeOf(node.as_object()));
    }
    return nodes;
  };
}

// What differs twice in the same way: the rest was written between two questions.
StatusOr<MerkleDifference> Compare(const Session& session, const Gateway& left,
                                   const Gateway& right, const MerkleDiffOptions& options) {
  const ReadNodes read_left = ReaderOf(session, left, options);
  const ReadNodes read_right = ReaderOf(session, right, options);
  ASSIGN_OR_RETURN(MerkleDifference first, CompareTrees(read_left, read_right));
  if (first.keys.empty() || options.recheck_seconds <= 0) return first;
  std::this_thread::sleep_for(std::chrono::duration<double>(options.recheck_seconds));
  ASSIGN_OR_RETURN(MerkleDifference second, CompareTrees(read_left, read_right));
  second.keys = Lasting(first.keys, second.keys);
  return second;
}

json::object Describe(const MerkleDiffOptions& options, const Gateway& left, const Gateway& right,
                      const MerkleDifference& difference) {
  json::array keys;
  for (size_t i = 0; i < std::min(difference.keys.size(), options.keys_max); ++i) {
    const KeyDifference& key = difference.keys[i];
    keys.push_back({{"key", key.key}, {"left", key.left}, {"right", key.right}});
  }
  return {{"map", options.map},
          {"kind", options.kind},
          {"left", {{"gateway", left.name}, {"root", difference.left_root}}},
          {"right", {{"gateway", right.name}, {"root", difference.right_root}}},
          {"equal", difference.keys.empty()},
          {"differing_keys", difference.keys.size()},
          {"keys", std::move(keys)}};
}

void PrintText(const MerkleDiffOptions& options, const Gateway& left, const Gateway& right,
               const MerkleDifference& difference) {
  if (difference.keys.empty()) {
    std::printf("%s is equal at %s and %s (root %08llx)\n", options.map.c_str(), left.name.c_str(),
                right.name.c_str(), static_cast<unsigned long long>(difference.left_root));
    return;
  }
  std::printf("%s differs in %zu keys below %zu leaves\n\n", options.map.c_str(),
              difference.keys.size(), difference.leaves);
  Table table({"KEY", left.name, right.name});
  for (size_t i = 0; i < std::min(difference.keys.size(), options.keys_max); ++i) {
    const KeyDifference& key = difference.keys[i];
    table.Add({key.key, key.left.empty() ? "-" : key.left, key.right.empty() ? "-" : key.right});
  }
  table.Print();
  if (difference.keys.size() > options.keys_max) {
    std::printf("... and %zu more (--keys N)\n", difference.keys.size() - options.keys_max);
  }
}

}  // namespace

int RunMerkleDiff(const Session& session, const MerkleDiffOptions& options) {
  const auto left = session.FindGateway(options.between[0]);
  if (!left.ok()) return Fail(left.status());
  const auto right = session.FindGateway(options.between[1]);
  if (!right.ok()) return Fail(right.status());
  const auto difference = Compare(session, *left, *right, options);
  if (!difference.ok()) return Fail(difference.status());
  if (session.json()) {
    PrintJson(Describe(options, *left, *right, *difference));
  } else {
    PrintText(options, *left, *right, *difference);
  }
  return difference->keys.empty() ? kYes : kNo;
}

}  // namespace topgun::ctl
