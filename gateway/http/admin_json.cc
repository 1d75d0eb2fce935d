#include "http/admin_json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "base/bytes.h"
#include "crdt/utf16.h"
#include "msgpack/reader.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kDepthMax = 32;
constexpr double kExactMax = 9'007'199'254'740'992;  // 2^53
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

json::string_view View(std::string_view text) { return {text.data(), text.size()}; }

json::value Next(msgpack::Reader& reader);

json::value NextInt(msgpack::Reader& reader) {
  msgpack::Reader signed_reader = reader;
  int64_t number = 0;
  if (signed_reader.ReadInt64(&number)) {
    reader = signed_reader;
    return number;
  }
  uint64_t large = 0;
  reader.ReadUint64(&large);
  return large;
}

json::value NextFloat(msgpack::Reader& reader) {
  double number = 0;
  reader.ReadNumber(&number);
  if (!std::isfinite(number)) return nullptr;
  if (number == std::trunc(number) && std::abs(number) <= kExactMax) {
    return static_cast<int64_t>(number);
  }
  return number;
}

json::value NextArray(msgpack::Reader& reader) {
  uint32_t count = 0;
  reader.ReadArrayHeader(&count);
  json::array array;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) array.push_back(Next(reader));
  return array;
}

json::value NextMap(msgpack::Reader& reader) {
  uint32_t count = 0;
  reader.ReadMapHeader(&count);
  json::object object;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const json::value key = Next(reader);
    const json::string name =
        key.is_string() ? key.get_string() : json::string(json::serialize(key));
    object[name] = Next(reader);
  }
  return object;
}

json::value Next(msgpack::Reader& reader) {
  bool flag = false;
  int8_t type = 0;
  std::string_view bytes;
  switch (reader.Peek()) {
    case msgpack::Type::kBool:
      reader.ReadBool(&flag);
      return flag;
    case msgpack::Type::kInt:
      return NextInt(reader);
    case msgpack::Type::kFloat:
      return NextFloat(reader);
    case msgpack::Type::kStr:
      reader.ReadStr(&bytes);
      return json::string(View(ReadableText(bytes)));
    case msgpack::Type::kBin:
      reader.ReadBin(&bytes);
      return json::object{{"$hex", ToHex(bytes)}};
    case msgpack::Type::kExt:
      reader.ReadExt(&type, &bytes);
      return json::object{{"$ext", type}, {"$hex", ToHex(bytes)}};
    case msgpack::Type::kArray:
      return NextArray(reader);
    case msgpack::Type::kMap:
      return NextMap(reader);
    case msgpack::Type::kNil:
    case msgpack::Type::kInvalid:
      break;
  }
  reader.Skip();
  return nullptr;
}

}  // namespace

json::value ToJson(std::string_view msgpack) {
  if (!msgpack::Validate(msgpack).ok()) return nullptr;
  msgpack::Reader reader(msgpack);
  return Next(reader);
}

std::string ReadableText(std::string_view text) {
  std::string readable;
  readable.reserve(text.size());
  while (!text.empty()) {
    uint32_t character = 0;
    const size_t size = crdt::DecodeCharacter(text, &character);
    const bool surrogate = character >= 0xd800 && character <= 0xdfff;
    const bool broken = size == 1 && character == crdt::kReplacementCharacter;
    readable.append(surrogate || broken ? kReplacement : text.substr(0, size));
    text.remove_prefix(size);
  }
  return readable;
}

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

void JsonBody::Read(const HttpRequest& request, Names known) {
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
