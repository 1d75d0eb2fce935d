#include "gateway_tree.h"

#include <boost/json.hpp>
#include <utility>
#include <vector>

namespace topgun::ctl {
namespace {

namespace json = boost::json;

std::string MemberText(const json::object& object, json::string_view name) {
  return json::value_to<std::string>(object.at(name));
}

std::string TextOfRecord(const json::object& record) {
  const json::object& stamp = record.at("timestamp").as_object();
  return RecordText(stamp.at("millis").to_number<int64_t>(),
                    stamp.at("counter").to_number<int64_t>(), MemberText(stamp, "nodeId"),
                    record.at("removed").as_bool());
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
      std::string key = MemberText(fields, "key");
      if (fields.contains("tag")) key += "/" + MemberText(fields, "tag");
      node.records[std::move(key)] = TextOfRecord(fields);
    }
  }
  return node;
}

}  // namespace

ReadNodes TreeReaderOf(const Session& session, const Gateway& gateway, const std::string& map,
                       const std::string& kind) {
  return [&session, gateway, map, kind](const std::vector<std::string>& paths,
                                        bool records) -> StatusOr<std::vector<TreeNode>> {
    std::string target = "/api/admin/maps/" + EncodePercent(map) + "/tree?kind=" + kind +
                         "&records=" + (records ? "true" : "false") + "&paths=";
    for (size_t i = 0; i < paths.size(); ++i) target += (i == 0 ? "" : ",") + paths[i];
    ASSIGN_OR_RETURN(const json::value answer, session.AskGateway(gateway, target));
    std::vector<TreeNode> nodes;
    for (const json::value& node : answer.at("nodes").as_array()) {
      nodes.push_back(NodeOf(node.as_object()));
    }
    return nodes;
  };
}

}  // namespace topgun::ctl
