#include "http/admin_conflicts.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "http/admin_json.h"
#include "http/query_text.h"
#include "logging/logging.h"
#include "wire/op.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr int64_t kExactMax = int64_t{1} << 53;

json::object ConflictOf(const LostWrite& lost) {
  json::object conflict{{"key", ReadableText(lost.key)},
                        {"value", lost.value.empty() ? json::value() : ToJson(lost.value)},
                        {"removed", lost.value.empty()},
                        {"timestamp", ToJson(lost.timestamp)},
                        {"winner", ToJson(lost.winner)},
                        {"lostAt", lost.lost_at_ms}};
  if (lost.ttl_ms) conflict["ttlMs"] = *lost.ttl_ms;
  return conflict;
}

// Nothing when the query has a limit that is none.
std::optional<uint32_t> LimitOf(std::string_view query) {
  const std::optional<std::string> text = QueryValue(query, "limit");
  if (!text) return kConflictsDefault;
  const std::optional<uint64_t> limit = WholeNumber(*text);
  if (!limit || *limit == 0 || *limit > kConflictsMax) return std::nullopt;
  return static_cast<uint32_t>(*limit);
}

std::optional<HttpResponse> CheckMap(std::string_view map) {
  const std::string problem = wire::ValidateMapName(map, wire::OpLimits());
  if (problem.empty()) return std::nullopt;
  return JsonError(400, problem, "map");
}

void List(LoserReader& losers, const RoutedRequest& request, const Respond& respond) {
  const std::string map(request.Parameter("map"));
  if (auto refusal = CheckMap(map)) return respond(*std::move(refusal));
  const std::optional<uint32_t> limit = LimitOf(request.http.query);
  if (!limit) {
    return respond(JsonError(
        400, "must be a whole number from 1 to " + std::to_string(kConflictsMax), "limit"));
  }
  // One more tells whether there are more.
  losers.ReadLosers(map, std::nullopt, *limit + 1, [respond, limit](const LostWrites& lost) {
    if (lost.replicas_answered == 0) {
      return respond(ErrorResponse(Unavailable("no sync service has answered")));
    }
    respond(ConflictsResponse(lost, *limit));
  });
}

void Restore(LoserRestore& restore, const RoutedRequest& request, const Respond& respond) {
  LoserId id;
  id.map = request.Parameter("map");
  if (auto refusal = CheckMap(id.map)) return respond(*std::move(refusal));
  JsonBody body(request.http, {"key", "millis", "counter", "nodeId"});
  id.key = body.Text("key");
  id.timestamp.millis = body.WholeNumber("millis", 0, kExactMax);
  id.timestamp.counter = body.WholeNumber("counter", 0, kExactMax);
  id.timestamp.node_id = body.Text("nodeId");
  if (body.refusal()) return respond(*body.refusal());
  restore.Restore(id, [respond, id](const StatusOr<crdt::Timestamp>& timestamp) {
    if (!timestamp.ok()) return respond(ErrorResponse(timestamp.status()));
    logging::Info("admin", "conflict restored", {{"map", ReadableText(id.map)}});
    respond(JsonResponse(200, json::object{{"key", id.key}, {"timestamp", ToJson(*timestamp)}}));
  });
}

}  // namespace

HttpResponse ConflictsResponse(const LostWrites& lost, size_t limit) {
  json::array conflicts;
  size_t bytes = 0;
  for (const LostWrite& each : lost.writes) {
    bytes += each.key.size() + each.value.size();
    if (conflicts.size() == limit || (bytes > kConflictBytesMax && !conflicts.empty())) break;
    conflicts.push_back(ConflictOf(each));
  }
  const bool truncated = conflicts.size() < lost.writes.size();
  return JsonResponse(
      200, json::object{{"conflicts", std::move(conflicts)},
                        {"truncated", truncated},
                        {"replicas", json::object{{"asked", lost.replicas_asked},
                                                  {"answered", lost.replicas_answered}}}});
}

void MountConflictEndpoints(Router& router, const AdminAccess& access, LoserReader& losers,
                            LoserRestore& restore) {
  router.Add({.method = "GET",
              .path = "/api/admin/conflicts/{map}",
              .summary = "Writes of a map that lost against others, newest first",
              .admin = true,
              .responses = {{200, "conflicts, truncated, replicas"},
                            {400, "The name of the map or the limit is wrong"}}},
             access.Guard([&losers](const RoutedRequest& request, const Respond& respond) {
               List(losers, request, respond);
             }));
  router.Add({.method = "POST",
              .path = "/api/admin/conflicts/{map}/restore",
              .summary = "Writes the value of a write that lost once more",
              .admin = true,
              .request_type = "application/json",
              .responses = {{200, "key, timestamp: the one under which the value stands now"},
                            {400, "A field is missing or wrong"},
                            {404, "No sync service remembers the write"},
                            {409, "The key was written by somebody else meanwhile"}}},
             access.Guard([&restore](const RoutedRequest& request, const Respond& respond) {
               Restore(restore, request, respond);
             }));
}

}  // namespace topgun::gateway
