#include "access/condition_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace topgun::gateway {
namespace {

using Token = ConditionToken;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Fields may be written in any alphabet.
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80U;
}

bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

// Longer ones first.
constexpr std::array<std::string_view, 11> kSymbols = {"==", "!=", "<=", ">=", "&&", "||",
                                                       "<",  ">",  "!",  "(",  ")"};

}  // namespace

StatusOr<Token> ConditionLexer::Next() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
  if (at_ == text_.size()) return Take(Token::Kind::kEnd, 0);
  const char c = text_[at_];
  if (IsNameStart(c)) return Name();
  if (c == '\'') return Text();
  const bool signed_number = c == '-' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]);
  if (IsDigit(c) || signed_number) return Number();
  return Symbol();
}

Token ConditionLexer::Take(Token::Kind kind, size_t size) {
  const Token token{
      .kind = kind, .text = text_.substr(at_, size), .position = at_ + 1, .number = 0};
  at_ += size;
  return token;
}

StatusOr<Token> ConditionLexer::Name() {
  size_t end = at_;
  while (end < text_.size()) {
    // A digit may begin a segment, but not the name.
    while (end < text_.size() && IsNamePart(text_[end])) ++end;
    if (end == text_.size() || text_[end] != '.') break;
    if (end + 1 == text_.size() || !IsNamePart(text_[end + 1])) {
      return ConditionError(end + 2, "expected the name of a field after the dot");
    }
    ++end;
  }
  return Take(Token::Kind::kName, end - at_);
}

StatusOr<Token> ConditionLexer::Text() {
  const size_t end = text_.find('\'', at_ + 1);
  if (end == std::string_view::npos) {
    return ConditionError(at_ + 1, "this text has no closing quote");
  }
  Token token = Take(Token::Kind::kText, end + 1 - at_);
  token.text = token.text.substr(1, token.text.size() - 2);
  return token;
}

StatusOr<Token> ConditionLexer::Number() {
  size_t end = at_ + 1;
  while (end < text_.size() && IsDigit(text_[end])) ++end;
  if (end + 1 < text_.size() && text_[end] == '.' && IsDigit(text_[end + 1])) {
    ++end;
    while (end < text_.size() && IsDigit(text_[end])) ++end;
  }
  if (end < text_.size() && (text_[end] == '.' || IsNamePart(text_[end]))) {
    return ConditionError(end + 1, "a number is digits, with a decimal point at most");
  }
  Token token = Take(Token::Kind::kNumber, end - at_);
  const auto [last, error] =
      std::from_chars(token.text.data(), token.text.data() + token.text.size(), token.number);
  if (error != std::errc() || last != token.text.data() + token.text.size()) {
    return ConditionError(token.position, "this number is too large");
  }
  return token;
}

StatusOr<Token> ConditionLexer::Symbol() {
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with("===") || rest.starts_with("!==")) {
    return ConditionError(at_ + 1, "use == and != to compare");
  }
  for (const std::string_view symbol : kSymbols) {
    if (rest.starts_with(symbol)) return Take(Token::Kind::kSymbol, symbol.size());
  }
  switch (rest.front()) {
    case '=':
      return ConditionError(at_ + 1, "use == to compare");
    case '&':
      return ConditionError(at_ + 1, "use && for and");
    case '|':
      return ConditionError(at_ + 1, "use || for or");
    case '"':
      return ConditionError(at_ + 1, "texts are written in single quotes");
    default:
      return ConditionError(at_ + 1, "this character means nothing here");
  }
}

Status ConditionError(size_t position, std::string_view problem) {
  return InvalidArgument(
      std::string("position ").append(std::to_string(position)).append(": ").append(problem));
}

std::string Describe(const Token& token) {
  constexpr size_t kShown = 32;
  if (token.kind == Token::Kind::kEnd) return "the end";
  std::string text(token.text.substr(0, kShown));
  if (token.text.size() > kShown) text.append("...");
  return "'" + text + "'";
}

}  // namespace topgun::gateway
