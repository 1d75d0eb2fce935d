#include "containment.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "case_fold.h"
#include "msgpack/reader.h"
#include "text_match.h"

namespace topgun::query {
namespace {

using Value = ConditionValue;

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

// The operand is an array of parts of a string, unlike one part by itself.
bool IsParts(const Value& left, const Value& right) {
  return left.kind == Value::Kind::kString && right.kind == Value::Kind::kArray;
}

bool HasFolded(std::string_view folded, const Value& part, ConditionContext& context) {
  if (part.kind != Value::Kind::kString) return false;
  context.Spend(part.bytes.size() / kBytesPerStep);
  return HasPart(folded, FoldText(part.bytes), context);
}

std::string Folded(const Value& text, ConditionContext& context) {
  context.Spend(text.bytes.size() / kBytesPerStep);
  return FoldText(text.bytes);
}

}  // namespace

bool BothStrings(const Value& left, const Value& right) {
  return left.kind == Value::Kind::kString && right.kind == Value::Kind::kString;
}

bool In(const Value& left, const Value& right, ConditionContext& context) {
  if (IsList(right)) return Has(right, left, context);
  return IsList(left) && Has(left, right, context);
}

bool Contains(const Value& left, const Value& right, ConditionContext& context) {
  if (IsList(left)) return Has(left, right, context);
  return BothStrings(left, right) && HasPart(left.bytes, right.bytes, context);
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

bool QueryContains(const Value& left, const Value& right, ConditionContext& context) {
  if (!BothStrings(left, right)) return IsList(left) && Has(left, right, context);
  return HasFolded(Folded(left, context), right, context);
}

bool QueryContainsAll(const Value& left, const Value& right, ConditionContext& context) {
  if (!IsParts(left, right)) return ContainsAll(left, right, context);
  const std::string text = Folded(left, context);
  return !AnyElement(right, context,
                     [&](const Value& part) { return !HasFolded(text, part, context); });
}

bool QueryContainsAny(const Value& left, const Value& right, ConditionContext& context) {
  if (!IsParts(left, right)) return ContainsAny(left, right, context);
  const std::string text = Folded(left, context);
  return AnyElement(right, context,
                    [&](const Value& part) { return HasFolded(text, part, context); });
}

}  // namespace topgun::query
