// Cuts a query into what its grammar knows (search_query.h). Private to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace topgun::search {

enum class LexemeKind : uint8_t {
  kEnd,
  kWord,
  kPhrase,
  kOpen,
  kClose,
  kAnd,
  kOr,
  kNot,
  kMalformed
};

struct Lexeme {
  LexemeKind kind = LexemeKind::kEnd;
  char sign = 0;               // + or -; of words, phrases and opening parentheses
  std::string_view text = {};  // of words and phrases
  double boost = 1;            // of words, phrases and closing parentheses
};

class QueryLexer {
 public:
  explicit QueryLexer(std::string_view text) : text_(text) {}

  Lexeme Next();

 private:
  bool SignsSomething() const;
  Lexeme Phrase(char sign);
  Lexeme Word(char sign);
  // `^2` behind what was read; nothing when it is no number.
  std::optional<double> Boost();
  size_t WordEnd() const;
  char At(size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace topgun::search
