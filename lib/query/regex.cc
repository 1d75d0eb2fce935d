#include "regex.h"

#include <re2/re2.h>

#include <string>

namespace topgun::query {

StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(std::string_view expression) {
  if (expression.size() > kRegexBytesMax) {
    return ResourceExhausted("an expression must have at most " + std::to_string(kRegexBytesMax) +
                             " bytes");
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kRegexMemoryBytes);
  auto regex = std::make_shared<const RE2>(expression, options);
  if (!regex->ok()) return InvalidArgument("not a regular expression: " + regex->error());
  return regex;
}

bool Searches(const re2::RE2& regex, std::string_view text) {
  return RE2::PartialMatch(text, regex);
}

}  // namespace topgun::query
