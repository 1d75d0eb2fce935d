#include "query/condition.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "condition_value.h"
#include "containment.h"
#include "msgpack/reader.h"
#include "regex.h"
#include "text_match.h"

namespace topgun::query {
namespace {

using Value = ConditionValue;

constexpr size_t kBytesPerRegexStep = 16;
constexpr uint32_t kTextSetMin = 8;  // fewer are as quickly looked through

Value FollowPath(std::string_view from, std::span<const std::string> path,
                 ConditionContext& context) {
  for (const std::string& name : path) from = FieldOf(from, name, context);
  return ValueOf(from);
}

Value ResolveInRow(std::span<const std::string> path, ConditionContext& context) {
  const bool whole = path.size() == 1;
  if (path.front() == kKeyName) return whole ? StringValue(context.key) : Value{};
  if (whole && path.front() == kValueName && !IsMap(context.data)) return ValueOf(context.data);
  return FollowPath(context.data, path, context);
}

Value Resolve(const ConditionOperand& operand, ConditionContext& context) {
  using Source = ConditionOperand::Source;
  const bool anonymous = context.caller.user_id.empty();
  Value value;
  switch (operand.source) {
    case Source::kLiteral:
      return ValueOf(operand.literal);
    case Source::kAuth:
      if (!anonymous) value.kind = Value::Kind::kOther;
      return value;
    case Source::kAuthId:
      return anonymous ? value : StringValue(context.caller.user_id);
    case Source::kAuthRoles:
      if (anonymous || context.caller.roles == nullptr) return value;
      value.kind = Value::Kind::kRoles;
      value.roles = context.caller.roles;
      return value;
    case Source::kData:
      return FollowPath(context.data, operand.path, context);
    case Source::kRow:
      return ResolveInRow(operand.path, context);
  }
  return value;
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

bool Between(const Value& left, const Value& right, ConditionContext& context) {
  msgpack::Reader reader(right.bytes);
  uint32_t count = 0;
  std::string_view low;
  std::string_view high;
  if (right.kind != Value::Kind::kArray || !reader.ReadArrayHeader(&count) || count != 2) {
    return false;
  }
  if (!ReadElement(reader, &low, context) || !ReadElement(reader, &high, context)) return false;
  const int from_low = Order(left, ValueOf(low));
  return (from_low == 0 || from_low == 1) && Order(left, ValueOf(high)) <= 0;
}

// Empty unless the operand is a literal array of many texts and nothing else.
absl::flat_hash_set<std::string> ManyTexts(const ConditionOperand& operand) {
  absl::flat_hash_set<std::string> texts;
  if (operand.source != ConditionOperand::Source::kLiteral) return texts;
  msgpack::Reader reader(operand.literal);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count)) return texts;
  if (count < kTextSetMin) return texts;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view text;
    if (!reader.ReadStr(&text)) return {};
    texts.emplace(text);
  }
  return texts;
}

bool Found(const Value& value) { return value.kind != Value::Kind::kNull || !value.bytes.empty(); }

}  // namespace

bool Condition::Holds(uint32_t index, ConditionContext& context) const {
  const Node& node = nodes_[index];
  const auto holds = [&](uint32_t child) { return Holds(child, context); };
  switch (node.op) {
    case ConditionOp::kAnd:
      return std::ranges::all_of(ChildrenOf(node), holds);
    case ConditionOp::kOr:
      return std::ranges::any_of(ChildrenOf(node), holds);
    case ConditionOp::kNot:
      return !holds(ChildrenOf(node).front());
    case ConditionOp::kRegex:
      return Searches(node, context);
    case ConditionOp::kInTexts:
      return IsListed(node, context);
    default:
      return Compares(node, context);
  }
}

std::span<const uint32_t> Condition::ChildrenOf(const Node& node) const {
  return std::span(children_).subspan(node.first, node.second - node.first);
}

bool Condition::Searches(const Node& node, ConditionContext& context) const {
  const Value text = Resolve(operands_[node.first], context);
  if (text.kind != Value::Kind::kString) return false;
  context.Spend(1 + text.bytes.size() / kBytesPerRegexStep);
  return !context.exhausted() && query::Searches(*regexes_[node.second], text.bytes);
}

bool Condition::IsListed(const Node& node, ConditionContext& context) const {
  const Value value = Resolve(operands_[node.first], context);
  context.Spend(1);
  return value.kind == Value::Kind::kString &&
         text_sets_[node.second]->contains(ToAbsl(value.bytes));
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
    case ConditionOp::kBetween:
      return Between(left, right, context);
    case ConditionOp::kIn:
      return In(left, right, context);
    case ConditionOp::kContains:
      return Contains(left, right, context);
    case ConditionOp::kContainsAll:
      return ContainsAll(left, right, context);
    case ConditionOp::kContainsAny:
      return ContainsAny(left, right, context);
    case ConditionOp::kQueryContains:
      return QueryContains(left, right, context);
    case ConditionOp::kQueryContainsAll:
      return QueryContainsAll(left, right, context);
    case ConditionOp::kQueryContainsAny:
      return QueryContainsAny(left, right, context);
    case ConditionOp::kStartsWith:
      return BothStrings(left, right) && left.bytes.starts_with(right.bytes);
    case ConditionOp::kEndsWith:
      return BothStrings(left, right) && left.bytes.ends_with(right.bytes);
    case ConditionOp::kLike:
      return BothStrings(left, right) && IsLike(left.bytes, right.bytes, context);
    case ConditionOp::kFound:
      return Found(left);
    default:
      return false;
  }
}

uint32_t ConditionBuilder::Add(Condition::Node node) {
  condition_.nodes_.push_back(node);
  return static_cast<uint32_t>(condition_.nodes_.size() - 1);
}

uint32_t ConditionBuilder::AddOperand(ConditionOperand operand) {
  condition_.operands_.push_back(std::move(operand));
  return static_cast<uint32_t>(condition_.operands_.size() - 1);
}

uint32_t ConditionBuilder::Compare(ConditionOp op, ConditionOperand left, ConditionOperand right) {
  if (op == ConditionOp::kIn) {
    if (auto texts = ManyTexts(right); !texts.empty()) {
      const auto index = static_cast<uint32_t>(condition_.text_sets_.size());
      condition_.text_sets_.push_back(std::make_shared<Condition::TextSet>(std::move(texts)));
      return Add(
          {.op = ConditionOp::kInTexts, .first = AddOperand(std::move(left)), .second = index});
    }
  }
  const uint32_t first = AddOperand(std::move(left));
  return Add({.op = op, .first = first, .second = AddOperand(std::move(right))});
}

uint32_t ConditionBuilder::Search(ConditionOperand text, std::shared_ptr<const re2::RE2> regex) {
  const auto index = static_cast<uint32_t>(condition_.regexes_.size());
  condition_.regexes_.push_back(std::move(regex));
  return Add({.op = ConditionOp::kRegex, .first = AddOperand(std::move(text)), .second = index});
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

}  // namespace topgun::query
