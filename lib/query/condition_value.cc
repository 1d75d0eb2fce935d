#include "condition_value.h"

#include "msgpack/equal.h"

namespace topgun::query {

ConditionValue StringValue(std::string_view text) {
  ConditionValue value;
  value.kind = ConditionValue::Kind::kString;
  value.bytes = text;
  return value;
}

ConditionValue ValueOf(std::string_view raw) {
  msgpack::Reader reader(raw);
  ConditionValue value;
  value.bytes = raw;
  switch (reader.Peek()) {
    case msgpack::Type::kNil:
    case msgpack::Type::kInvalid:
      return value;
    case msgpack::Type::kBool:
      value.kind = ConditionValue::Kind::kBool;
      reader.ReadBool(&value.boolean);
      return value;
    case msgpack::Type::kInt:
    case msgpack::Type::kFloat:
      value.kind = ConditionValue::Kind::kNumber;
      reader.ReadNumber(&value.number);
      return value;
    case msgpack::Type::kStr:
      value.kind = ConditionValue::Kind::kString;
      reader.ReadStr(&value.bytes);
      return value;
    case msgpack::Type::kArray:
      value.kind = ConditionValue::Kind::kArray;
      return value;
    case msgpack::Type::kMap:
      value.kind = ConditionValue::Kind::kMap;
      return value;
    default:
      value.kind = ConditionValue::Kind::kOther;
      return value;
  }
}

bool ReadElement(msgpack::Reader& reader, std::string_view* raw, ConditionContext& context) {
  if (context.exhausted() || !reader.ReadRaw(raw)) return false;
  context.Spend(1 + raw->size() / kBytesPerStep);
  return true;
}

std::string_view FieldOf(std::string_view map, std::string_view name, ConditionContext& context) {
  msgpack::Reader reader(map);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) return {};
  std::string_view found;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view key;
    const bool named = reader.Peek() == msgpack::Type::kStr;
    if (!(named ? reader.ReadStr(&key) : reader.Skip())) return {};
    std::string_view raw;
    if (!ReadElement(reader, &raw, context)) return {};
    if (named && key == name) found = raw;
  }
  return found;
}

bool IsMap(std::string_view raw) { return msgpack::Reader(raw).Peek() == msgpack::Type::kMap; }

bool SameValue(const ConditionValue& left, const ConditionValue& right, ConditionContext& context) {
  using Kind = ConditionValue::Kind;
  if (left.kind != right.kind) return false;
  switch (left.kind) {
    case Kind::kNull:
      return false;
    case Kind::kBool:
      return left.boolean == right.boolean;
    case Kind::kNumber:
      return left.number == right.number;
    case Kind::kString:
      return left.bytes == right.bytes;
    case Kind::kArray:
    case Kind::kMap:
      return msgpack::EqualValues(left.bytes, right.bytes, context.steps);
    case Kind::kRoles:
      return true;  // of one caller
    case Kind::kOther:
      return !left.bytes.empty() && left.bytes == right.bytes;
  }
  return false;
}

}  // namespace topgun::query
