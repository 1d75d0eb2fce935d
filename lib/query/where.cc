#include "where.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "leaf_builder.h"
#include "msgpack/reader.h"

namespace topgun::query {
namespace {

constexpr std::array<std::pair<std::string_view, ConditionOp>, 5> kWhereOperators = {{
    {"$gt", ConditionOp::kGreater},
    {"$gte", ConditionOp::kGreaterOrEqual},
    {"$lt", ConditionOp::kLess},
    {"$lte", ConditionOp::kLessOrEqual},
    {"$ne", ConditionOp::kNotEqual},
}};

std::optional<ConditionOp> WhereOperatorOf(std::string_view name) {
  for (const auto& [text, op] : kWhereOperators) {
    if (text == name) return op;
  }
  return std::nullopt;
}

struct Requirement {
  ConditionOp op = ConditionOp::kEqual;
  std::string_view value;
};

// Nothing unless every field of the map is an operator: then it is a value like any other.
std::vector<Requirement> ReadOperators(std::string_view value) {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) return {};
  std::vector<Requirement> operators;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view operand;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&operand)) return {};
    const std::optional<ConditionOp> op = WhereOperatorOf(name);
    if (!op) return {};
    operators.push_back({.op = *op, .value = operand});
  }
  return operators;
}

}  // namespace

StatusOr<Condition> ParseWhere(std::string_view where) {
  msgpack::Reader reader(where);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) {
    return InvalidArgument("must be an object");
  }
  ConditionBuilder builder;
  std::vector<uint32_t> parts;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view value;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&value)) {
      return InvalidArgument("must be an object with named fields");
    }
    std::vector<Requirement> requirements = ReadOperators(value);
    if (requirements.empty()) requirements.push_back({.value = value});
    const ConditionOperand field = RowField(name);
    for (const auto& [op, operand] : requirements) {
      parts.push_back(IsNil(operand) ? Never(builder)
                                     : CompareField(builder, op, field, Literal(operand)));
    }
  }
  return builder.Build(builder.Group(ConditionOp::kAnd, parts));
}

}  // namespace topgun::query
