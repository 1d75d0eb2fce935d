#include "leaf_builder.h"

#include <array>

#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "query/reference.h"

namespace topgun::query {

bool IsNil(std::string_view raw) {
  return raw.empty() || msgpack::Reader(raw).Peek() == msgpack::Type::kNil;
}

ConditionOperand Literal(std::string_view raw) {
  ConditionOperand operand;
  operand.literal.assign(raw);
  return operand;
}

ConditionOperand Null() {
  ConditionOperand operand;
  msgpack::Writer(operand.literal).Nil();
  return operand;
}

ConditionOperand RowField(std::string_view path) {
  ConditionOperand operand;
  operand.source = ConditionOperand::Source::kRow;
  operand.path = SplitPath(path);
  return operand;
}

uint32_t Present(ConditionBuilder& builder, const ConditionOperand& operand) {
  return builder.Compare(ConditionOp::kNotEqual, operand, Null());
}

uint32_t Never(ConditionBuilder& builder) { return builder.Group(ConditionOp::kOr, {}); }

uint32_t CompareField(ConditionBuilder& builder, ConditionOp op, const ConditionOperand& field,
                      const ConditionOperand& literal) {
  const uint32_t compared = builder.Compare(op, field, literal);
  if (op != ConditionOp::kNotEqual) return compared;
  const std::array<uint32_t, 2> parts = {Present(builder, field), compared};
  return builder.Group(ConditionOp::kAnd, parts);
}

}  // namespace topgun::query
