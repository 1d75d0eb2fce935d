#include "http/admin_indexes.h"

#include <boost/json/array.hpp>
#include <utility>

#include "http/admin_json.h"
#include "logging/logging.h"
#include "wire/op.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kPath = "/api/admin/indexes";

json::string Text(std::string_view text) {
  const std::string readable = ReadableText(text);
  return json::string(readable.data(), readable.size());
}

json::object DefinitionJson(const IndexDefinition& index) {
  return {{"mapName", Text(index.map)},
          {"attribute", Text(index.attribute)},
          {"indexType", Text(Name(index.type))}};
}

json::value CountJson(const std::optional<uint64_t>& count) {
  return count ? json::value(*count) : json::value();
}

void List(IndexStore& indexes, const Respond& respond) {
  indexes.List([respond](const StatusOr<std::vector<IndexInfo>>& infos) {
    if (!infos.ok()) return respond(ErrorResponse(infos.status()));
    json::array list;
    for (const IndexInfo& info : *infos) {
      json::object item = DefinitionJson(info.index);
      item["entryCount"] = CountJson(info.entries);
      list.push_back(std::move(item));
    }
    respond(JsonResponse(200, json::object{{"indexes", std::move(list)}}));
  });
}

// What is wrong stays in the body.
IndexDefinition ReadDefinition(JsonBody& body) {
  IndexDefinition index;
  index.map = body.Text("mapName");
  index.attribute = body.Text("attribute");
  const std::string type = body.Text("indexType");
  if (const std::string problem = wire::ValidateMapName(index.map, wire::OpLimits());
      !problem.empty()) {
    body.Refuse(400, problem, "mapName");
  }
  if (index.attribute.size() > IndexStore::kAttributeBytesMax) {
    body.Refuse(400,
                "must have at most " + std::to_string(IndexStore::kAttributeBytesMax) + " bytes",
                "attribute");
  }
  const std::optional<IndexType> known = IndexTypeOf(type);
  if (!known) body.Refuse(400, "must be hash, navigable or inverted", "indexType");
  index.type = known.value_or(IndexType::kHash);
  return index;
}

void Create(IndexStore& indexes, const RoutedRequest& request, const Respond& respond) {
  JsonBody body(request.http);
  const IndexDefinition index = ReadDefinition(body);
  if (body.refusal()) return respond(*body.refusal());
  indexes.Create(index, [respond, index](const Status& status) {
    if (!status.ok()) return respond(ErrorResponse(status));
    logging::Info("admin", "index created",
                  {{"map", ReadableText(index.map)}, {"type", Name(index.type)}});
    json::object created = DefinitionJson(index);
    created["entryCount"] = 0;
    respond(JsonResponse(201, created));
  });
}

void Delete(IndexStore& indexes, const RoutedRequest& request, const Respond& respond) {
  const std::string map(request.Parameter("map"));
  indexes.Delete(map, std::string(request.Parameter("attribute")),
                 [respond, map](const Status& status) {
                   if (!status.ok()) return respond(ErrorResponse(status));
                   logging::Info("admin", "index deleted", {{"map", ReadableText(map)}});
                   respond({.status = 204, .content_type = {}, .body = {}, .headers = {}});
                 });
}

void TellStatus(IndexStore& indexes, const RoutedRequest& request, const Respond& respond) {
  indexes.Find(std::string(request.Parameter("map")), std::string(request.Parameter("attribute")),
               [respond](const StatusOr<std::optional<IndexInfo>>& found) {
                 if (!found.ok()) return respond(ErrorResponse(found.status()));
                 if (!found->has_value()) {
                   return respond(JsonError(404, "there is no such index"));
                 }
                 const IndexInfo& info = **found;
                 respond(JsonResponse(200, json::object{{"mapName", Text(info.index.map)},
                                                        {"attribute", Text(info.index.attribute)},
                                                        {"total", CountJson(info.entries)},
                                                        {"processed", CountJson(info.entries)},
                                                        {"done", true},
                                                        {"rebuildType", "backfill"}}));
               });
}

}  // namespace

void MountIndexEndpoints(Router& router, const AdminAccess& access, IndexStore& indexes) {
  const std::string path(kPath);
  router.Add({.method = "GET",
              .path = path,
              .summary = "Indexes of all maps",
              .admin = true,
              .responses = {{200, "indexes: mapName, attribute, indexType, entryCount"}}},
             access.Guard([&indexes](const RoutedRequest&, const Respond& respond) {
               List(indexes, respond);
             }));
  router.Add({.method = "POST",
              .path = path,
              .summary = "Defines an index",
              .admin = true,
              .request_type = "application/json",
              .responses = {{201, "mapName, attribute, indexType, entryCount"},
                            {400, "A field is missing or wrong"},
                            {409, "The map has an index on this attribute"}}},
             access.Guard([&indexes](const RoutedRequest& request, const Respond& respond) {
               Create(indexes, request, respond);
             }));
  router.Add({.method = "DELETE",
              .path = path + "/{map}/{attribute}",
              .summary = "Deletes an index",
              .admin = true,
              .responses = {{204, "It is gone", ""}, {404, "There is no such index"}}},
             access.Guard([&indexes](const RoutedRequest& request, const Respond& respond) {
               Delete(indexes, request, respond);
             }));
  router.Add({.method = "GET",
              .path = path + "/{map}/{attribute}/status",
              .summary = "How far an index is built",
              .admin = true,
              .responses = {{200, "mapName, attribute, total, processed, done, rebuildType"},
                            {404, "There is no such index"}}},
             access.Guard([&indexes](const RoutedRequest& request, const Respond& respond) {
               TellStatus(indexes, request, respond);
             }));
}

}  // namespace topgun::gateway
