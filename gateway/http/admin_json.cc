#include "http/admin_json.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kDepthMax = 32;

}  // namespace

json::object ToJson(const crdt::Timestamp& timestamp) {
  return {{"millis", timestamp.millis},
          {"counter", timestamp.counter},
          {"nodeId", View(ReadableText(timestamp.node_id))}};
}

HttpResponse JsonResponse(int status, const json::value& body) {
  return JsonResponse(status, json::serialize(body));
}

HttpResponse ErrorResponse(const Status& status) {
  const auto later = [&status](int code) {
    HttpResponse response = JsonError(code, Message(status));
    response.headers.emplace_back("retry-after", "1");
    return response;
  };
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return JsonError(400, Message(status));
    case StatusCode::kNotFound:
      return JsonError(404, Message(status));
    case StatusCode::kFailedPrecondition:
    case StatusCode::kAlreadyExists:
      return JsonError(409, Message(status));
    case StatusCode::kResourceExhausted:
      return later(429);
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kCancelled:
    case StatusCode::kAborted:
      return later(503);
    default:
      return JsonError(500, Message(status));
  }
}

bool IsJson(const HttpRequest& request) {
  constexpr std::string_view kJson = "application/json";
  std::string_view type = request.Header("content-type");
  type = type.substr(0, type.find_first_of("; "));
  return SameHeaderName(type, kJson);
}

void JsonBody::Read(const HttpRequest& request) {
  if (!IsJson(request)) return Refuse(415, kJsonWanted);
  if (request.body.size() > kAdminBodyBytesMax) {
    return Refuse(413, "body: must have at most " + std::to_string(kAdminBodyBytesMax) + " bytes");
  }
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code error;
  json::value body = json::parse(View(request.body), error, {}, options);
  if (error) return Refuse(400, "body: not JSON: " + error.message());
  if (!body.is_object()) return Refuse(400, "body: must be a JSON object");
  members_ = std::move(body.get_object());
}

void JsonBody::RefuseOthers(Names known) {
  for (const auto& member : members_) {
    const std::string_view name(member.key().data(), member.key().size());
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Refuse(400, "unknown field", name);
    }
  }
}

void JsonBody::Refuse(int status, std::string_view message, std::string_view field) {
  if (!refusal_) refusal_ = JsonError(status, message, field);
}

const json::value* JsonBody::Find(std::string_view name) {
  const json::value* const value = members_.if_contains(View(name));
  if (value == nullptr) Refuse(400, "missing", name);
  return value;
}

std::string JsonBody::Text(std::string_view name) {
  const json::value* const value = Find(name);
  if (value == nullptr) return {};
  if (!value->is_string() || value->get_string().empty()) {
    Refuse(400, "must be a text that is not empty", name);
    return {};
  }
  return {value->get_string().data(), value->get_string().size()};
}

int64_t JsonBody::WholeNumber(std::string_view name, int64_t min, int64_t max) {
  int64_t number = 0;
  if (const json::value* const value = Find(name)) {
    const std::string problem = CheckWholeNumber(*value, min, max, &number);
    if (!problem.empty()) Refuse(400, problem, name);
  }
  return number;
}

std::string CheckWholeNumber(const json::value& value, int64_t min, int64_t max, int64_t* out) {
  json::error_code error;
  const bool number = value.is_number();
  if (number) *out = value.to_number<int64_t>(error);
  if (number && !error && *out >= min && *out <= max) return {};
  return "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace topgun::gateway
