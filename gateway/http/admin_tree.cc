#include "http/admin_tree.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/admin_json.h"
#include "http/query_text.h"
#include "state/cell.h"
#include "wire/op.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kDepth = 3;

bool IsPath(std::string_view path) {
  return path.size() <= kDepth && path.find_first_not_of("0123456789abcdef") == path.npos;
}

// "0a1,0a2": at least one, "" is the root.
std::vector<std::string> SplitPaths(std::string_view text) {
  std::vector<std::string> paths;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    paths.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return paths;
}

// What is asked for, or what is wrong with the question.
std::optional<HttpResponse> ReadQuestion(const RoutedRequest& request, TreeRequest& out) {
  out.map = request.Parameter("map");
  if (const std::string problem = wire::ValidateMapName(out.map, wire::OpLimits());
      !problem.empty()) {
    return JsonError(400, problem, "map");
  }
  const std::string_view query = request.http.query;
  const std::string kind = QueryValue(query, "kind").value_or("lww");
  if (kind != "lww" && kind != "or") return JsonError(400, "must be lww or or", "kind");
  out.kind = kind == "or" ? state::CellKind::kOr : state::CellKind::kLww;
  out.cells = QueryValue(query, "records") == "true";
  out.paths = SplitPaths(QueryValue(query, "paths").value_or(""));
  const size_t most = out.cells ? kTreeLeavesMax : kTreePathsMax;
  if (out.paths.size() > most) {
    return JsonError(400, "at most " + std::to_string(most) + " at a time", "paths");
  }
  const auto is_wanted = [&out](const std::string& path) {
    return IsPath(path) && (!out.cells || path.size() == kDepth);
  };
  if (!std::all_of(out.paths.begin(), out.paths.end(), is_wanted)) {
    return JsonError(400,
                     out.cells ? "records are below paths of three hexadecimal digits"
                               : "up to three hexadecimal digits each",
                     "paths");
  }
  return std::nullopt;
}

json::array Records(const TreeAnswer::Node& node, state::CellKind kind) {
  json::array records;
  for (const TreeAnswer::Cell& entry : node.cells) {
    state::CellView cell;
    if (!state::DecodeCell(entry.cell, &cell)) continue;
    json::object record{{"key", ReadableText(entry.key)},
                        {"timestamp", ToJson(crdt::Timestamp(cell.timestamp))},
                        {"removed", cell.tombstone}};
    if (kind == state::CellKind::kOr) record["tag"] = ReadableText(entry.tag);
    records.push_back(std::move(record));
  }
  return records;
}

json::object Children(const TreeAnswer::Node& node) {
  json::object children;
  for (const TreeAnswer::Child& child : node.children) {
    if (child.hash != 0) children[json::string_view(&child.digit, 1)] = child.hash;
  }
  return children;
}

json::object Describe(const TreeRequest& question, const TreeAnswer& answer) {
  json::array nodes;
  for (size_t i = 0; i < std::min(question.paths.size(), answer.nodes.size()); ++i) {
    const TreeAnswer::Node& node = answer.nodes[i];
    json::object shown{{"path", question.paths[i]}, {"hash", node.hash}};
    if (question.cells) {
      shown["records"] = Records(node, question.kind);
    } else {
      shown["children"] = Children(node);
    }
    nodes.push_back(std::move(shown));
  }
  return {{"map", ReadableText(question.map)}, {"nodes", std::move(nodes)}};
}

void Read(TreeReader& trees, const RoutedRequest& request, const Respond& respond) {
  TreeRequest question;
  if (auto refusal = ReadQuestion(request, question)) return respond(*std::move(refusal));
  trees.ReadTree(question, [question, respond](const auto& answer) {
    respond(answer.ok() ? JsonResponse(200, Describe(question, **answer))
                        : ErrorResponse(answer.status()));
  });
}

}  // namespace

void MountTreeEndpoints(Router& router, const AdminAccess& access, TreeReader& trees) {
  router.Add({.method = "GET",
              .path = "/api/admin/maps/{map}/tree",
              .summary = "Nodes of a map's Merkle tree as this gateway reads them: "
                         "?kind=lww|or&paths=..&records=true",
              .admin = true,
              .responses = {{200, "nodes: path, hash, children by digit or records"},
                            {400, "A parameter is wrong"}}},
             access.Guard([&trees](const RoutedRequest& request, const Respond& respond) {
               Read(trees, request, respond);
             }));
}

}  // namespace topgun::gateway
