#include "access/condition.h"

#include <algorithm>

#include "access/condition_value.h"
#include "msgpack/reader.h"

namespace topgun::gateway {
namespace {

using Value = ConditionValue;

Value Resolve(const ConditionOperand& operand, ConditionContext& context) {
  using Source = ConditionOperand::Source;
  const bool anonymous = context.principal.user_id.empty();
  Value value;
  switch (operand.source) {
    case Source::kLiteral:
      return ValueOf(operand.literal);
    case Source::kAuth:
      if (!anonymous) value.kind = Value::Kind::kOther;
      return value;
    case Source::kAuthId:
      return anonymous ? value : StringValue(context.principal.user_id);
    case Source::kAuthRoles:
      if (anonymous) return value;
      value.kind = Value::Kind::kRoles;
      value.roles = &context.principal.roles;
      return value;
    case Source::kData:
      break;
  }
  std::string_view at = context.data;
  for (const std::string& name : operand.path) at = FieldOf(at, name, context);
  return ValueOf(at);
}

bool IsNullLiteral(const ConditionOperand& operand, const Value& value) {
  return operand.source == ConditionOperand::Source::kLiteral && value.kind == Value::Kind::kNull;
}

// -1, 0, 1; 2 when there is no order.
int Order(const Value& left, const Value& right) {
  if (left.kind != right.kind) return 2;
  if (left.kind == Value::Kind::kString) {
    const int order = left.bytes.compare(right.bytes);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (left.kind != Value::Kind::kNumber) return 2;
  if (left.number < right.number) return -1;
  if (left.number > right.number) return 1;
  return left.number == right.number ? 0 : 2;
}

bool IsList(const Value& value) {
  return value.kind == Value::Kind::kArray || value.kind == Value::Kind::kRoles;
}

// True when `test` is for any element.
template <typename Test>
bool AnyElement(const Value& list, ConditionContext& context, Test&& test) {
  if (list.kind == Value::Kind::kRoles) {
    context.Spend(list.roles->size());
    return std::any_of(list.roles->begin(), list.roles->end(),
                       [&test](const std::string& role) { return test(StringValue(role)); });
  }
  msgpack::Reader reader(list.bytes);
  uint32_t count = 0;
  if (!reader.ReadArrayHeader(&count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view raw;
    if (!ReadElement(reader, &raw, context)) return false;
    if (test(ValueOf(raw))) return true;
  }
  return false;
}

bool Has(const Value& list, const Value& element, ConditionContext& context) {
  return AnyElement(list, context,
                    [&](const Value& each) { return SameValue(each, element, context); });
}

bool In(const Value& left, const Value& right, ConditionContext& context) {
  if (IsList(right)) return Has(right, left, context);
  return IsList(left) && Has(left, right, context);
}

bool Contains(const Value& left, const Value& right, ConditionContext& context) {
  if (IsList(left)) return Has(left, right, context);
  return left.kind == Value::Kind::kString && right.kind == Value::Kind::kString &&
         left.bytes.find(right.bytes) != std::string_view::npos;
}

bool ContainsAll(const Value& left, const Value& right, ConditionContext& context) {
  if (!IsList(left)) return false;
  if (!IsList(right)) return Has(left, right, context);
  return !AnyElement(right, context,
                     [&](const Value& wanted) { return !Has(left, wanted, context); });
}

bool ContainsAny(const Value& left, const Value& right, ConditionContext& context) {
  if (!IsList(left)) return false;
  if (!IsList(right)) return Has(left, right, context);
  return AnyElement(right, context,
                    [&](const Value& wanted) { return Has(left, wanted, context); });
}

bool BothStrings(const Value& left, const Value& right) {
  return left.kind == Value::Kind::kString && right.kind == Value::Kind::kString;
}

}  // namespace

bool Condition::Holds(uint32_t index, ConditionContext& context) const {
  const Node& node = nodes_[index];
  const auto holds = [&](uint32_t child) { return Holds(child, context); };
  const auto begin = children_.begin() + node.first;
  const auto end = children_.begin() + node.second;
  switch (node.op) {
    case ConditionOp::kAnd:
      return std::all_of(begin, end, holds);
    case ConditionOp::kOr:
      return std::any_of(begin, end, holds);
    case ConditionOp::kNot:
      return !holds(*begin);
    default:
      return Compares(node, context);
  }
}

bool Condition::Compares(const Node& node, ConditionContext& context) const {
  context.Spend(1);
  const Value left = Resolve(operands_[node.first], context);
  const Value right = Resolve(operands_[node.second], context);
  const auto equal = [&] {
    const bool with_null =
        IsNullLiteral(operands_[node.first], left) || IsNullLiteral(operands_[node.second], right);
    return with_null ? left.kind == right.kind : SameValue(left, right, context);
  };
  switch (node.op) {
    case ConditionOp::kEqual:
      return equal();
    case ConditionOp::kNotEqual:
      return !equal();
    case ConditionOp::kLess:
      return Order(left, right) == -1;
    case ConditionOp::kLessOrEqual:
      return Order(left, right) <= 0;
    case ConditionOp::kGreater:
      return Order(left, right) == 1;
    case ConditionOp::kGreaterOrEqual:
      return Order(left, right) == 0 || Order(left, right) == 1;
    case ConditionOp::kIn:
      return In(left, right, context);
    case ConditionOp::kContains:
      return Contains(left, right, context);
    case ConditionOp::kContainsAll:
      return ContainsAll(left, right, context);
    case ConditionOp::kContainsAny:
      return ContainsAny(left, right, context);
    case ConditionOp::kStartsWith:
      return BothStrings(left, right) && left.bytes.starts_with(right.bytes);
    case ConditionOp::kEndsWith:
      return BothStrings(left, right) && left.bytes.ends_with(right.bytes);
    default:
      return false;
  }
}

uint32_t ConditionBuilder::Add(Condition::Node node) {
  condition_.nodes_.push_back(node);
  return static_cast<uint32_t>(condition_.nodes_.size() - 1);
}

uint32_t ConditionBuilder::Compare(ConditionOp op, ConditionOperand left, ConditionOperand right) {
  const auto first = static_cast<uint32_t>(condition_.operands_.size());
  condition_.operands_.push_back(std::move(left));
  condition_.operands_.push_back(std::move(right));
  return Add({.op = op, .first = first, .second = first + 1});
}

uint32_t ConditionBuilder::Group(ConditionOp op, std::span<const uint32_t> children) {
  const auto first = static_cast<uint32_t>(condition_.children_.size());
  condition_.children_.insert(condition_.children_.end(), children.begin(), children.end());
  return Add(
      {.op = op, .first = first, .second = static_cast<uint32_t>(condition_.children_.size())});
}

Condition ConditionBuilder::Build(uint32_t root) {
  condition_.root_ = root;
  return std::move(condition_);
}

}  // namespace topgun::gateway
