#include "query/predicate.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "leaf_builder.h"
#include "msgpack/reader.h"
#include "predicate_node.h"
#include "query/reference.h"
#include "regex.h"

namespace topgun::query {
namespace {

struct Comparison {
  std::string_view name;
  std::optional<ConditionOp> of_policy;
  ConditionOp of_query;
};

constexpr std::array<Comparison, 13> kComparisons = {{
    {"eq", ConditionOp::kEqual, ConditionOp::kEqual},
    {"neq", ConditionOp::kNotEqual, ConditionOp::kNotEqual},
    {"gt", ConditionOp::kGreater, ConditionOp::kGreater},
    {"gte", ConditionOp::kGreaterOrEqual, ConditionOp::kGreaterOrEqual},
    {"lt", ConditionOp::kLess, ConditionOp::kLess},
    {"lte", ConditionOp::kLessOrEqual, ConditionOp::kLessOrEqual},
    {"in", ConditionOp::kIn, ConditionOp::kIn},
    {"like", ConditionOp::kLike, ConditionOp::kLike},
    {"startsWith", ConditionOp::kStartsWith, ConditionOp::kStartsWith},
    {"endsWith", ConditionOp::kEndsWith, ConditionOp::kEndsWith},
    {"contains", std::nullopt, ConditionOp::kQueryContains},
    {"containsAll", ConditionOp::kContainsAll, ConditionOp::kQueryContainsAll},
    {"containsAny", ConditionOp::kContainsAny, ConditionOp::kQueryContainsAny},
}};

std::optional<ConditionOp> ComparisonOf(std::string_view name, PredicateKind kind) {
  for (const Comparison& each : kComparisons) {
    if (each.name == name) return kind == PredicateKind::kOfPolicy ? each.of_policy : each.of_query;
  }
  return std::nullopt;
}

bool IsArrayOfTwo(std::string_view raw) {
  msgpack::Reader reader(raw);
  uint32_t count = 0;
  return reader.Peek() == msgpack::Type::kArray && reader.ReadArrayHeader(&count) && count == 2;
}

class PredicateParser {
 public:
  explicit PredicateParser(PredicateKind kind)
      : kind_(kind), lenient_(kind == PredicateKind::kOfQuery) {}

  StatusOr<Condition> Parse(std::string_view predicate) {
    ASSIGN_OR_RETURN(const uint32_t root, Node(predicate, {}, 0));
    return builder_.Build(root);
  }

 private:
  StatusOr<uint32_t> Node(std::string_view raw, const std::string& place, size_t depth) {
    if (depth == LimitsOf(kind_).depth) return InvalidArgument(place + "nested too deeply");
    ASSIGN_OR_RETURN(const PredicateNode node, ReadPredicateNode(raw, kind_, place));
    if (node.op == "and" || node.op == "or" || node.op == "not") return Group(node, place, depth);
    return lenient_ ? QueryLeaf(node, place) : PolicyLeaf(node, place);
  }

  StatusOr<uint32_t> Group(const PredicateNode& node, const std::string& place, size_t depth) {
    std::vector<uint32_t> parts;
    uint32_t count = 0;
    if (!node.children.empty()) {
      msgpack::Reader reader(node.children);
      if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count)) {
        return PredicateFault(place, "children", "must be an array");
      }
      for (uint32_t i = 0; i < count; ++i) {
        std::string_view child;
        reader.ReadRaw(&child);
        const std::string below = place + "children[" + std::to_string(i) + "].";
        ASSIGN_OR_RETURN(const uint32_t parsed, Node(child, below, depth + 1));
        parts.push_back(parsed);
      }
    }
    if (node.op == "not") {
      if (parts.empty()) return builder_.Group(ConditionOp::kAnd, {});
      return builder_.Group(ConditionOp::kNot, {parts.data(), 1});
    }
    return builder_.Group(node.op == "and" ? ConditionOp::kAnd : ConditionOp::kOr, parts);
  }

  // ---- Policies ----

  StatusOr<uint32_t> PolicyLeaf(const PredicateNode& node, const std::string& place) {
    if (node.attribute.value_or("").empty()) return PredicateFault(place, "attribute", "missing");
    const StatusOr<ConditionOperand> attribute = ParseReference(*node.attribute);
    if (!attribute.ok()) return PredicateFault(place, "attribute", Message(attribute.status()));
    if (node.op == "isNull") return builder_.Compare(ConditionOp::kEqual, *attribute, Null());
    if (node.op == "isNotNull") return Present(builder_, *attribute);
    if (node.op == "between") {
      if (!IsArrayOfTwo(node.value))
        return PredicateFault(place, "value", "must be an array of two");
      return builder_.Compare(ConditionOp::kBetween, *attribute, Literal(node.value));
    }
    if (node.op == "regex") return Regex(node, *attribute, place);

    const std::optional<ConditionOp> op = ComparisonOf(node.op, kind_);
    if (!op) {
      const std::string problem = "'" + std::string(node.op) + "' is not known in policies";
      return PredicateFault(place, "op", problem);
    }
    if (!node.value_ref.empty()) return PolicyReference(node, *op, *attribute, place);
    if (IsNil(node.value)) return Never(builder_);
    return CompareField(builder_, *op, *attribute, Literal(node.value));
  }

  StatusOr<uint32_t> PolicyReference(const PredicateNode& node, ConditionOp op,
                                     const ConditionOperand& attribute, const std::string& place) {
    if (!NamesSomething(node.value_ref)) {
      return PredicateFault(place, "valueRef", "must start with auth. or data.");
    }
    const StatusOr<ConditionOperand> reference = ParseReference(node.value_ref);
    if (!reference.ok()) return PredicateFault(place, "valueRef", Message(reference.status()));
    const uint32_t compared = CompareField(builder_, op, attribute, *reference);
    if (op != ConditionOp::kNotEqual) return compared;
    const std::array<uint32_t, 2> parts = {Present(builder_, *reference), compared};
    return builder_.Group(ConditionOp::kAnd, parts);
  }

  // ---- Queries ----

  StatusOr<uint32_t> QueryLeaf(const PredicateNode& node, const std::string& place) {
    if (!node.attribute) return Never(builder_);
    if (node.op == "isNull" || node.op == "isNotNull") {
      const ConditionOperand attribute = NullableOf(*node.attribute);
      if (node.op == "isNotNull") return Present(builder_, attribute);
      return builder_.Compare(ConditionOp::kEqual, attribute, Null());
    }
    const ConditionOperand attribute = RowField(*node.attribute);
    if (node.op == "regex") return Regex(node, attribute, place);
    const std::optional<ConditionOp> op =
        node.op == "between" ? ConditionOp::kBetween : ComparisonOf(node.op, kind_);
    if (!op) return Never(builder_);
    if (!node.value_ref.empty()) return QueryReference(node.value_ref, *op, attribute);
    if (IsNil(node.value)) return Never(builder_);
    return CompareField(builder_, *op, attribute, Literal(node.value));
  }

  // Only here `auth` is the caller, and whoever that is has no fields but those of policies.
  static ConditionOperand NullableOf(std::string_view attribute) {
    if (!NamesCaller(attribute)) return RowField(attribute);
    StatusOr<ConditionOperand> reference = ParseReference(attribute);
    return reference.ok() ? *std::move(reference) : Null();
  }

  // A reference to nothing makes the leaf false, one to nil is a value that equals nothing.
  uint32_t QueryReference(std::string_view name, ConditionOp op,
                          const ConditionOperand& attribute) {
    if (!NamesSomething(name)) return Never(builder_);
    const StatusOr<ConditionOperand> named = ParseReference(name);
    if (!named.ok()) return Never(builder_);
    const ConditionOperand reference = NamesCaller(name) ? *named : RowField(name.substr(5));
    const std::array<uint32_t, 2> parts = {builder_.Compare(ConditionOp::kFound, reference, Null()),
                                           CompareField(builder_, op, attribute, reference)};
    return builder_.Group(ConditionOp::kAnd, parts);
  }

  // ---- Both ----

  static bool NamesSomething(std::string_view reference) {
    return reference.starts_with("auth.") || reference.starts_with("data.");
  }

  StatusOr<uint32_t> Regex(const PredicateNode& node, const ConditionOperand& attribute,
                           const std::string& place) {
    if (!node.value_ref.empty()) {
      if (lenient_) return Never(builder_);
      return PredicateFault(place, "valueRef", "regex takes a value only");
    }
    std::string_view expression;
    if (!msgpack::Reader(node.value).ReadStr(&expression)) return Never(builder_);
    if (++regexes_ > kRegexesMax) {
      const std::string problem = "more than " + std::to_string(kRegexesMax) + " regex";
      return PredicateFault(place, "op", problem);
    }
    StatusOr<std::shared_ptr<const re2::RE2>> regex = CompileRegex(expression);
    if (regex.ok()) return builder_.Search(attribute, *std::move(regex));
    const bool too_long = regex.status().code() == StatusCode::kResourceExhausted;
    if (lenient_ && !too_long) return Never(builder_);
    return PredicateFault(place, "value", Message(regex.status()));
  }

  const PredicateKind kind_;
  const bool lenient_;
  size_t regexes_ = 0;
  ConditionBuilder builder_;
};

}  // namespace

StatusOr<Condition> ParsePredicate(std::string_view predicate, PredicateKind kind) {
  const size_t bytes_max = LimitsOf(kind).bytes;
  if (predicate.size() > bytes_max) {
    return InvalidArgument("must have at most " + std::to_string(bytes_max) + " bytes");
  }
  RETURN_IF_ERROR(msgpack::Validate(predicate));
  return PredicateParser(kind).Parse(predicate);
}

}  // namespace topgun::query
