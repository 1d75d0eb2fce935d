#include "access/condition_parser.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/condition_lexer.h"
#include "msgpack/writer.h"
#include "query/reference.h"

namespace topgun::gateway {
namespace {

using query::Condition;
using query::ConditionBuilder;
using query::ConditionOp;
using query::ConditionOperand;
using Token = ConditionToken;

constexpr std::array<std::pair<std::string_view, ConditionOp>, 12> kOperators = {{
    {"==", ConditionOp::kEqual},
    {"!=", ConditionOp::kNotEqual},
    {"<", ConditionOp::kLess},
    {"<=", ConditionOp::kLessOrEqual},
    {">", ConditionOp::kGreater},
    {">=", ConditionOp::kGreaterOrEqual},
    {"in", ConditionOp::kIn},
    {"contains", ConditionOp::kContains},
    {"containsAll", ConditionOp::kContainsAll},
    {"containsAny", ConditionOp::kContainsAny},
    {"startsWith", ConditionOp::kStartsWith},
    {"endsWith", ConditionOp::kEndsWith},
}};

std::optional<ConditionOp> OperatorOf(const Token& token) {
  if (token.kind != Token::Kind::kName && token.kind != Token::Kind::kSymbol) return std::nullopt;
  for (const auto& [text, op] : kOperators) {
    if (token.text == text) return op;
  }
  return std::nullopt;
}

// Recursive descent with one token of look-ahead.
class TextParser {
 public:
  explicit TextParser(std::string_view text) : lexer_(text) {}

  StatusOr<Condition> Parse() {
    RETURN_IF_ERROR(Advance());
    ASSIGN_OR_RETURN(const uint32_t root, Or(0));
    if (next_.kind != Token::Kind::kEnd) return Expected("'&&', '||' or the end");
    return builder_.Build(root);
  }

 private:
  StatusOr<uint32_t> Or(size_t depth) {
    std::vector<uint32_t> parts;
    do {
      if (!parts.empty()) RETURN_IF_ERROR(Advance());
      ASSIGN_OR_RETURN(const uint32_t part, And(depth));
      parts.push_back(part);
    } while (next_.Is("||"));
    return parts.size() == 1 ? parts.front() : builder_.Group(ConditionOp::kOr, parts);
  }

  StatusOr<uint32_t> And(size_t depth) {
    std::vector<uint32_t> parts;
    do {
      if (!parts.empty()) RETURN_IF_ERROR(Advance());
      ASSIGN_OR_RETURN(const uint32_t part, Unary(depth));
      parts.push_back(part);
    } while (next_.Is("&&"));
    return parts.size() == 1 ? parts.front() : builder_.Group(ConditionOp::kAnd, parts);
  }

  StatusOr<uint32_t> Unary(size_t depth) {
    if (!next_.Is("!") && !next_.Is("(")) return Comparison();
    if (depth == kConditionDepthMax) {
      return ConditionError(next_.position, "more than " + std::to_string(kConditionDepthMax) +
                                                " parentheses and negations within each other");
    }
    const bool negation = next_.Is("!");
    const size_t opened = next_.position;
    RETURN_IF_ERROR(Advance());
    if (negation) {
      ASSIGN_OR_RETURN(const uint32_t child, Unary(depth + 1));
      return builder_.Group(ConditionOp::kNot, {&child, 1});
    }
    ASSIGN_OR_RETURN(const uint32_t inner, Or(depth + 1));
    if (!next_.Is(")")) {
      return Expected("')' for the one opened at position " + std::to_string(opened));
    }
    RETURN_IF_ERROR(Advance());
    return inner;
  }

  StatusOr<uint32_t> Comparison() {
    ASSIGN_OR_RETURN(ConditionOperand left, Operand());
    const std::optional<ConditionOp> op = OperatorOf(next_);
    if (!op) return Expected("an operator such as == or contains");
    RETURN_IF_ERROR(Advance());
    ASSIGN_OR_RETURN(ConditionOperand right, Operand());
    return builder_.Compare(*op, std::move(left), std::move(right));
  }

  StatusOr<ConditionOperand> Operand() {
    const Token token = next_;
    ConditionOperand operand;
    msgpack::Writer literal(operand.literal);
    if (token.kind == Token::Kind::kText) {
      literal.Str(token.text);
    } else if (token.kind == Token::Kind::kNumber) {
      literal.Float64(token.number);
    } else if (token.kind != Token::Kind::kName || OperatorOf(token)) {
      return Expected("a field, a 'text', a number, true, false or null");
    } else if (token.text == "true" || token.text == "false") {
      literal.Bool(token.text == "true");
    } else if (token.text == "null") {
      literal.Nil();
    } else {
      StatusOr<ConditionOperand> reference = query::ParseReference(token.text);
      if (!reference.ok()) return ConditionError(token.position, Message(reference.status()));
      operand = *std::move(reference);
    }
    RETURN_IF_ERROR(Advance());
    return operand;
  }

  Status Advance() {
    ASSIGN_OR_RETURN(next_, lexer_.Next());
    return OkStatus();
  }

  Status Expected(std::string_view what) const {
    return ConditionError(
        next_.position, std::string("expected ").append(what).append(", found " + Describe(next_)));
  }

  ConditionLexer lexer_;
  Token next_;
  ConditionBuilder builder_;
};

}  // namespace

StatusOr<query::Condition> ParseCondition(std::string_view text) {
  if (text.size() > kConditionBytesMax) {
    return InvalidArgument("must have at most " + std::to_string(kConditionBytesMax) + " bytes");
  }
  return TextParser(text).Parse();
}

}  // namespace topgun::gateway
