#include "access/policy_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kDepthMax = 64;

std::string_view View(const json::string& text) { return {text.data(), text.size()}; }

// The parser has limited the depth.
void Write(const json::value& value, msgpack::Writer& writer) {
  switch (value.kind()) {
    case json::kind::null:
      return writer.Nil();
    case json::kind::bool_:
      return writer.Bool(value.get_bool());
    case json::kind::int64:
      return writer.Int(value.get_int64());
    case json::kind::uint64:
      return writer.Uint(value.get_uint64());
    case json::kind::double_:
      return writer.Number(value.get_double());
    case json::kind::string:
      return writer.Str(View(value.get_string()));
    case json::kind::array:
      writer.ArrayHeader(static_cast<uint32_t>(value.get_array().size()));
      for (const json::value& element : value.get_array()) Write(element, writer);
      return;
    case json::kind::object:
      writer.MapHeader(static_cast<uint32_t>(value.get_object().size()));
      for (const auto& member : value.get_object()) {
        writer.Str({member.key().data(), member.key().size()});
        Write(member.value(), writer);
      }
      return;
  }
}

// Of a condition that was JSON before.
json::value Read(msgpack::Reader& reader, size_t depth) {
  if (depth > kDepthMax) return nullptr;
  uint32_t count = 0;
  bool flag = false;
  int64_t whole = 0;
  double number = 0;
  std::string_view text;
  switch (reader.Peek()) {
    case msgpack::Type::kBool:
      reader.ReadBool(&flag);
      return flag;
    case msgpack::Type::kInt:
      if (!reader.ReadInt64(&whole)) return nullptr;
      return whole;
    case msgpack::Type::kFloat:
      reader.ReadNumber(&number);
      return number;
    case msgpack::Type::kStr:
      reader.ReadStr(&text);
      return json::string(text.data(), text.size());
    case msgpack::Type::kArray: {
      json::array array;
      reader.ReadArrayHeader(&count);
      for (uint32_t i = 0; i < count && reader.ok(); ++i) array.push_back(Read(reader, depth + 1));
      return array;
    }
    case msgpack::Type::kMap: {
      json::object object;
      reader.ReadMapHeader(&count);
      for (uint32_t i = 0; i < count && reader.ReadStr(&text); ++i) {
        object[json::string_view(text.data(), text.size())] = Read(reader, depth + 1);
      }
      return object;
    }
    default:
      reader.Skip();
      return nullptr;
  }
}

json::string Text(std::string_view text) { return json::string(text.data(), text.size()); }

json::object ObjectOf(const Policy& policy) {
  json::object object{{"id", Text(policy.id)},
                      {"mapPattern", Text(policy.map_pattern)},
                      {"action", Text(Name(policy.action))},
                      {"effect", Text(Name(policy.effect))}};
  if (!policy.condition.empty()) {
    msgpack::Reader reader(policy.condition);
    object["condition"] = Read(reader, 0);
  }
  if (!policy.condition_expr.empty()) object["conditionExpr"] = Text(policy.condition_expr);
  return object;
}

}  // namespace

std::optional<FieldProblem> ParsePolicyJson(std::string_view body, Policy& out) {
  if (body.size() > kPolicyBodyBytesMax) {
    return FieldProblem{
        {}, "a policy must have at most " + std::to_string(kPolicyBodyBytesMax) + " bytes"};
  }
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code error;
  const json::value value = json::parse({body.data(), body.size()}, error, {}, options);
  if (error) return FieldProblem{{}, "the body is not JSON: " + error.message()};
  std::string fields;
  msgpack::Writer writer(fields);
  Write(value, writer);
  CompiledPolicy compiled;
  std::optional<FieldProblem> problem = ReadPolicy(fields, compiled);
  if (!problem) out = std::move(compiled.policy);
  return problem;
}

std::string EncodePolicyJson(const Policy& policy) { return json::serialize(ObjectOf(policy)); }

std::string EncodePolicyListJson(std::span<const Policy> policies,
                                 std::span<const std::string> unreadable) {
  json::array listed;
  for (const Policy& policy : policies) listed.push_back(ObjectOf(policy));
  json::object body{{"policies", std::move(listed)}};
  if (!unreadable.empty()) {
    json::array ids;
    for (const std::string& id : unreadable) ids.push_back(Text(id));
    body["unreadable"] = std::move(ids);
  }
  return json::serialize(body);
}

}  // namespace topgun::gateway
