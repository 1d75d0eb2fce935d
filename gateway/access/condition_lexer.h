// Cuts the text of a condition into tokens; of condition_parser.cc only. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace topgun::gateway {

struct ConditionToken {
  enum class Kind : uint8_t { kEnd, kName, kText, kNumber, kSymbol };

  Kind kind = Kind::kEnd;
  std::string_view text;  // of a kText what is between the quotes
  size_t position = 1;    // in bytes, the first is 1
  double number = 0;

  bool Is(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
};

class ConditionLexer {
 public:
  explicit ConditionLexer(std::string_view text) : text_(text) {}

  StatusOr<ConditionToken> Next();

 private:
  ConditionToken Take(ConditionToken::Kind kind, size_t size);
  StatusOr<ConditionToken> Name();
  StatusOr<ConditionToken> Text();
  StatusOr<ConditionToken> Number();
  StatusOr<ConditionToken> Symbol();

  std::string_view text_;
  size_t at_ = 0;
};

// "position 5: expected ..."
Status ConditionError(size_t position, std::string_view problem);
// How the token is called in errors.
std::string Describe(const ConditionToken& token);

}  // namespace topgun::gateway
