#include "query_lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "unicode.h"

namespace topgun::search {
namespace {

// Beyond, scores are no numbers that can be compared.
constexpr double kBoostMax = 1e6;

bool IsSign(char c) { return c == '+' || c == '-'; }

std::optional<double> ParseBoost(std::string_view text) {
  double boost = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, boost, std::chars_format::fixed);
  if (error != std::errc() || stopped != end) return std::nullopt;
  if (!(boost >= 0) || boost > kBoostMax) return std::nullopt;
  return boost;
}

LexemeKind KindOf(std::string_view word) {
  if (word == "AND") return LexemeKind::kAnd;
  if (word == "OR") return LexemeKind::kOr;
  if (word == "NOT") return LexemeKind::kNot;
  return LexemeKind::kWord;
}

}  // namespace

// A sign that stands alone, or among others, is punctuation.
bool QueryLexer::SignsSomething() const {
  if (!IsSign(text_[at_]) || at_ + 1 == text_.size()) return false;
  const char next = text_[at_ + 1];
  return !IsSign(next) && next != ')' && !IsSpace(CodePointAt(text_, at_ + 1).value);
}

Lexeme QueryLexer::Next() {
  while (at_ < text_.size()) {
    const CodePoint next = CodePointAt(text_, at_);
    if (!IsSpace(next.value)) break;
    at_ += next.size;
  }
  if (at_ == text_.size()) return {};
  char sign = 0;
  if (SignsSomething()) sign = text_[at_++];
  switch (text_[at_]) {
    case '(':
      ++at_;
      return {.kind = LexemeKind::kOpen, .sign = sign};
    case ')': {
      ++at_;
      const std::optional<double> boost = Boost();
      if (!boost) return {.kind = LexemeKind::kMalformed};
      return {.kind = LexemeKind::kClose, .boost = *boost};
    }
    case '"':
      return Phrase(sign);
    default:
      return Word(sign);
  }
}

Lexeme QueryLexer::Phrase(char sign) {
  const size_t begin = at_ + 1;
  const size_t end = text_.find('"', begin);
  if (end == std::string_view::npos) return {.kind = LexemeKind::kMalformed};
  at_ = end + 1;
  const std::optional<double> boost = Boost();
  if (!boost) return {.kind = LexemeKind::kMalformed};
  return {.kind = LexemeKind::kPhrase,
          .sign = sign,
          .text = text_.substr(begin, end - begin),
          .boost = *boost};
}

Lexeme QueryLexer::Word(char sign) {
  const size_t begin = at_;
  const size_t end = std::min(WordEnd(), text_.find('^', at_));
  at_ = end;
  const std::string_view word = text_.substr(begin, end - begin);
  const std::optional<double> boost = Boost();
  const bool names_field = word.find(':') != std::string_view::npos;
  if (!boost || word.empty() || names_field) return {.kind = LexemeKind::kMalformed};
  const bool plain = sign == 0 && *boost == 1;
  const LexemeKind kind = plain ? KindOf(word) : LexemeKind::kWord;
  return {.kind = kind, .sign = sign, .text = word, .boost = *boost};
}

std::optional<double> QueryLexer::Boost() {
  if (At(at_) != '^') return 1;
  const size_t begin = at_ + 1;
  at_ = WordEnd();
  return ParseBoost(text_.substr(begin, at_ - begin));
}

// Where white space, a quote or a parenthesis ends the word at hand.
size_t QueryLexer::WordEnd() const {
  size_t at = at_;
  while (at < text_.size()) {
    const CodePoint next = CodePointAt(text_, at);
    const bool ends =
        next.value == '"' || next.value == '(' || next.value == ')' || IsSpace(next.value);
    if (ends) break;
    at += next.size;
  }
  return at;
}

}  // namespace topgun::search
