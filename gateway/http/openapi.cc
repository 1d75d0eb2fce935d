#include "http/openapi.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <string_view>

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kSecurityName = "bearer";

json::object Reference(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

json::array ParametersOf(std::string_view path) {
  json::array parameters;
  for (size_t at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1)) {
    const size_t end = path.find('}', at);
    if (end == std::string_view::npos) break;
    parameters.push_back(json::object{{"name", path.substr(at + 1, end - at - 1)},
                                      {"in", "path"},
                                      {"required", true},
                                      {"schema", json::object{{"type", "string"}}}});
  }
  return parameters;
}

json::object ContentOf(const std::string& type, bool error) {
  json::object media;
  if (error && type == "application/json") media["schema"] = Reference("Error");
  return {{type, std::move(media)}};
}

json::object ResponsesOf(const RouteInfo& route) {
  json::object responses;
  for (const RouteInfo::Response& each : route.responses) {
    json::object response{{"description", each.description}};
    if (!each.content_type.empty()) {
      response["content"] = ContentOf(each.content_type, each.status >= 400);
    }
    responses[std::to_string(each.status)] = std::move(response);
  }
  return responses;
}

json::object OperationOf(const RouteInfo& route) {
  json::object operation{{"summary", route.summary}, {"responses", ResponsesOf(route)}};
  if (json::array parameters = ParametersOf(route.path); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (!route.request_type.empty()) {
    operation["requestBody"] =
        json::object{{"required", true}, {"content", ContentOf(route.request_type, false)}};
  }
  if (route.admin) {
    operation["security"] = json::array{json::object{{kSecurityName, json::array()}}};
  }
  return operation;
}

json::object Components() {
  const json::object text{{"type", "string"}};
  const json::object error{{"type", "object"},
                           {"required", json::array{"code", "message"}},
                           {"properties", json::object{{"code", json::object{{"type", "integer"}}},
                                                       {"message", text},
                                                       {"field", text}}}};
  const json::object bearer{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}};
  return {{"schemas", json::object{{"Error", error}}},
          {"securitySchemes", json::object{{kSecurityName, bearer}}}};
}

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::string DescribeRoutes(const Router& router) {
  json::object paths;
  for (const RouteInfo* const route : router.routes()) {
    json::value& path = paths[route->path];
    if (!path.is_object()) path = json::object();
    path.as_object()[LowerCase(route->method)] = OperationOf(*route);
  }
  return json::serialize(
      json::object{{"openapi", "3.0.3"},
                   {"info", json::object{{"title", "TopGun gateway"}, {"version", TOPGUN_VERSION}}},
                   {"paths", std::move(paths)},
                   {"components", Components()}});
}

void MountOpenApi(Router& router) {
  auto text = std::make_shared<std::string>();
  router.Add({.method = "GET",
              .path = "/api/openapi.json",
              .summary = "This description",
              .responses = {{200, "OpenAPI 3.0 document"}}},
             [&router, text](const RoutedRequest&, const Respond& respond) {
               if (text->empty()) *text = DescribeRoutes(router);
               respond(JsonResponse(200, *text));
             });
}

}  // namespace topgun::gateway
