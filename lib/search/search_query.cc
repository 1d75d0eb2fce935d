#include "search/search_query.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "query_lexer.h"
#include "search/tokens.h"

namespace topgun::search {

// Recursive descent. A node is nothing where there is nothing to look for; errors stick.
class QueryParser {
 public:
  explicit QueryParser(std::string_view text) : lexer_(text) { Advance(); }

  StatusOr<SearchQuery> Parse() {
    std::optional<size_t> root = Group(0);
    if (next_.kind != LexemeKind::kEnd) malformed_ = true;
    if (beyond_ != nullptr) return InvalidArgument(beyond_);
    if (malformed_ || !root) return SearchQuery();
    return std::move(query_);
  }

 private:
  using Node = SearchQuery::Node;
  using Clause = SearchQuery::Clause;
  using Occur = SearchQuery::Occur;

  struct Parsed {
    Occur occur = Occur::kOptional;
    std::optional<size_t> node;
  };

  bool failed() const { return malformed_ || beyond_ != nullptr; }
  void Advance() { next_ = lexer_.Next(); }
  bool AtOperand() const {
    switch (next_.kind) {
      case LexemeKind::kWord:
      case LexemeKind::kPhrase:
      case LexemeKind::kOpen:
      case LexemeKind::kNot:
        return true;
      default:
        return false;
    }
  }

  std::optional<size_t> Add(Node node) {
    query_.nodes_.push_back(std::move(node));
    return query_.nodes_.size() - 1;
  }
  std::optional<size_t> AddGroup(std::vector<Clause> clauses) {
    if (clauses.empty()) return std::nullopt;
    return Add({.phrase = {}, .clauses = std::move(clauses)});
  }

  std::optional<size_t> Group(uint32_t depth) {
    std::vector<Clause> clauses;
    bool operand_due = false;  // behind OR
    while (!failed() && AtOperand()) {
      const Parsed chain = Chain(depth);
      if (chain.node) clauses.push_back({.occur = chain.occur, .node = *chain.node});
      operand_due = next_.kind == LexemeKind::kOr;
      if (operand_due) Advance();
    }
    if (operand_due) malformed_ = true;
    return failed() ? std::nullopt : AddGroup(std::move(clauses));
  }

  // One clause keeps its sign; several become a group of which all must match.
  Parsed Chain(uint32_t depth) {
    const Parsed first = SignedClause(depth);
    if (next_.kind != LexemeKind::kAnd) return first;
    std::vector<Clause> clauses;
    const auto add = [&clauses](const Parsed& clause) {
      if (!clause.node) return;
      const bool excluded = clause.occur == Occur::kExcluded;
      clauses.push_back(
          {.occur = excluded ? Occur::kExcluded : Occur::kRequired, .node = *clause.node});
    };
    add(first);
    while (!failed() && next_.kind == LexemeKind::kAnd) {
      Advance();
      if (!AtOperand()) malformed_ = true;
      add(SignedClause(depth));
    }
    return {.occur = Occur::kOptional, .node = AddGroup(std::move(clauses))};
  }

  Parsed SignedClause(uint32_t depth) {
    const bool negated = next_.kind == LexemeKind::kNot;
    if (negated) Advance();
    const char sign = next_.sign;
    if (negated && sign != 0) malformed_ = true;
    Parsed clause{.occur = Occur::kOptional, .node = Operand(depth)};
    if (negated || sign == '-') {
      clause.occur = Occur::kExcluded;
    } else if (sign == '+') {
      clause.occur = Occur::kRequired;
    }
    return clause;
  }

  std::optional<size_t> Operand(uint32_t depth) {
    if (failed()) return std::nullopt;
    if (next_.kind == LexemeKind::kOpen) return Parentheses(depth);
    if (next_.kind != LexemeKind::kWord && next_.kind != LexemeKind::kPhrase) {
      malformed_ = true;
      return std::nullopt;
    }
    const Lexeme operand = next_;
    Advance();
    return Phrase(operand);
  }

  std::optional<size_t> Parentheses(uint32_t depth) {
    if (depth == SearchQuery::kDepthMax) {
      beyond_ = "query: nested too deeply";
      return std::nullopt;
    }
    Advance();
    const std::optional<size_t> group = Group(depth + 1);
    if (next_.kind != LexemeKind::kClose) {
      malformed_ = true;
      return std::nullopt;
    }
    if (group) query_.nodes_[*group].boost = next_.boost;
    Advance();
    return group;
  }

  std::optional<size_t> Phrase(const Lexeme& operand) {
    Node node{.boost = operand.boost, .phrase = {}, .clauses = {}};
    Tokenizer tokenizer(operand.text);
    for (uint32_t place = 0, first = 0; tokenizer.Next(); ++place) {
      if (tokenizer.token().empty()) continue;
      if (++tokens_ > SearchQuery::kTokensMax) {
        beyond_ = "query: too many words";
        return std::nullopt;
      }
      if (node.phrase.empty()) first = place;
      node.phrase.push_back({.term = TermOf(tokenizer.token()), .offset = place - first});
    }
    if (node.phrase.empty()) return std::nullopt;
    return Add(std::move(node));
  }

  uint32_t TermOf(std::string_view token) {
    const auto [found, added] =
        numbers_.emplace(token, static_cast<uint32_t>(query_.terms_.size()));
    if (added) query_.terms_.emplace_back(token);
    return found->second;
  }

  QueryLexer lexer_;
  Lexeme next_;
  SearchQuery query_;
  absl::flat_hash_map<std::string, uint32_t> numbers_;  // of terms
  size_t tokens_ = 0;
  bool malformed_ = false;
  const char* beyond_ = nullptr;  // which limit
};

StatusOr<SearchQuery> SearchQuery::Parse(std::string_view text) {
  if (text.size() > kBytesMax) return InvalidArgument("query: too long");
  return QueryParser(text).Parse();
}

}  // namespace topgun::search
