#include "access/condition_predicate.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/condition_parser.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::gateway {
namespace {

constexpr std::array<std::pair<std::string_view, ConditionOp>, 11> kComparisons = {{
    {"eq", ConditionOp::kEqual},
    {"neq", ConditionOp::kNotEqual},
    {"gt", ConditionOp::kGreater},
    {"gte", ConditionOp::kGreaterOrEqual},
    {"lt", ConditionOp::kLess},
    {"lte", ConditionOp::kLessOrEqual},
    {"in", ConditionOp::kIn},
    {"startsWith", ConditionOp::kStartsWith},
    {"endsWith", ConditionOp::kEndsWith},
    {"containsAll", ConditionOp::kContainsAll},
    {"containsAny", ConditionOp::kContainsAny},
}};

// The fields of one node as they are encoded; empty when missing.
struct Fields {
  std::string_view op;
  std::string_view attribute;
  std::string_view value;
  std::string_view value_ref;
  std::string_view children;
};

Status Fault(const std::string& place, std::string_view field, std::string_view problem) {
  return InvalidArgument(std::string(place).append(field).append(": ").append(problem));
}

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

StatusOr<Fields> ReadFields(std::string_view node, const std::string& place) {
  msgpack::Reader reader(node);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) {
    return InvalidArgument(place + "a predicate must be an object");
  }
  Fields fields;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&raw)) {
      return InvalidArgument(place + "a predicate must be an object with named fields");
    }
    if (name == "op") {
      if (!msgpack::Reader(raw).ReadStr(&fields.op)) return Fault(place, "op", "must be a text");
    } else if (name == "attribute") {
      if (!msgpack::Reader(raw).ReadStr(&fields.attribute)) {
        return Fault(place, "attribute", "must be a text");
      }
    } else if (name == "valueRef") {
      if (!IsNil(raw) && !msgpack::Reader(raw).ReadStr(&fields.value_ref)) {
        return Fault(place, "valueRef", "must be a text");
      }
    } else if (name == "value") {
      fields.value = raw;
    } else if (name == "children") {
      fields.children = raw;
    } else {
      return Fault(place, name, "unknown field");
    }
  }
  return fields;
}

class PredicateParser {
 public:
  StatusOr<Condition> Parse(std::string_view predicate) {
    ASSIGN_OR_RETURN(const uint32_t root, Node(predicate, {}, 0));
    return builder_.Build(root);
  }

 private:
  // `place` is "children[1]." and the like.
  StatusOr<uint32_t> Node(std::string_view node, const std::string& place, size_t depth) {
    if (depth == kPredicateDepthMax) return InvalidArgument(place + "nested too deeply");
    ASSIGN_OR_RETURN(const Fields fields, ReadFields(node, place));
    if (fields.op.empty()) return Fault(place, "op", "missing");
    if (fields.op == "and" || fields.op == "or" || fields.op == "not") {
      return Group(fields, place, depth);
    }
    return Leaf(fields, place);
  }

  StatusOr<uint32_t> Group(const Fields& fields, const std::string& place, size_t depth) {
    std::vector<uint32_t> nodes;
    uint32_t count = 0;
    if (!fields.children.empty()) {
      msgpack::Reader reader(fields.children);
      if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count)) {
        return Fault(place, "children", "must be an array");
      }
      for (uint32_t i = 0; i < count; ++i) {
        std::string_view child;
        reader.ReadRaw(&child);
        const std::string below = place + "children[" + std::to_string(i) + "].";
        ASSIGN_OR_RETURN(const uint32_t parsed, Node(child, below, depth + 1));
        nodes.push_back(parsed);
      }
    }
    if (fields.op == "not") {
      if (nodes.empty()) return builder_.Group(ConditionOp::kAnd, {});
      return builder_.Group(ConditionOp::kNot, {nodes.data(), 1});
    }
    return builder_.Group(fields.op == "and" ? ConditionOp::kAnd : ConditionOp::kOr, nodes);
  }

  StatusOr<uint32_t> Leaf(const Fields& fields, const std::string& place) {
    if (fields.attribute.empty()) return Fault(place, "attribute", "missing");
    const StatusOr<ConditionOperand> attribute = ParseReference(fields.attribute);
    if (!attribute.ok()) return Fault(place, "attribute", Message(attribute.status()));
    if (fields.op == "isNull") return builder_.Compare(ConditionOp::kEqual, *attribute, Null());
    if (fields.op == "isNotNull") return Present(*attribute);
    if (fields.op == "between") return Between(fields, *attribute, place);

    const std::optional<ConditionOp> op = ComparisonOf(fields.op);
    if (!op) {
      return Fault(place, "op", "'" + std::string(fields.op) + "' is not known in policies");
    }
    if (fields.value_ref.empty() && IsNil(fields.value)) return Never();
    ConditionOperand operand = Literal(fields.value);
    if (!fields.value_ref.empty()) {
      if (!fields.value_ref.starts_with("auth.") && !fields.value_ref.starts_with("data.")) {
        return Fault(place, "valueRef", "must start with auth. or data.");
      }
      StatusOr<ConditionOperand> reference = ParseReference(fields.value_ref);
      if (!reference.ok()) return Fault(place, "valueRef", Message(reference.status()));
      operand = *std::move(reference);
    }
    if (*op != ConditionOp::kNotEqual) return builder_.Compare(*op, *attribute, operand);
    const std::array<uint32_t, 3> parts = {Present(*attribute), Present(operand),
                                           builder_.Compare(*op, *attribute, operand)};
    return builder_.Group(ConditionOp::kAnd, parts);
  }

  StatusOr<uint32_t> Between(const Fields& fields, const ConditionOperand& attribute,
                             const std::string& place) {
    msgpack::Reader reader(fields.value);
    uint32_t count = 0;
    std::string_view low;
    std::string_view high;
    if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count) || count != 2 ||
        !reader.ReadRaw(&low) || !reader.ReadRaw(&high)) {
      return Fault(place, "value", "must be an array of two");
    }
    const std::array<uint32_t, 2> parts = {
        builder_.Compare(ConditionOp::kGreaterOrEqual, attribute, Literal(low)),
        builder_.Compare(ConditionOp::kLessOrEqual, attribute, Literal(high))};
    return builder_.Group(ConditionOp::kAnd, parts);
  }

  static std::optional<ConditionOp> ComparisonOf(std::string_view name) {
    for (const auto& [text, op] : kComparisons) {
      if (text == name) return op;
    }
    return std::nullopt;
  }

  uint32_t Present(const ConditionOperand& operand) {
    return builder_.Compare(ConditionOp::kNotEqual, operand, Null());
  }
  uint32_t Never() { return builder_.Group(ConditionOp::kOr, {}); }

  ConditionBuilder builder_;
};

}  // namespace

StatusOr<Condition> ParsePredicate(std::string_view predicate) {
  if (predicate.size() > kPredicateBytesMax) {
    return InvalidArgument("must have at most " + std::to_string(kPredicateBytesMax) + " bytes");
  }
  RETURN_IF_ERROR(msgpack::Validate(predicate));
  return PredicateParser().Parse(predicate);
}

}  // namespace topgun::gateway
