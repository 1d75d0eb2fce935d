#include "query/reference.h"

#include <algorithm>

namespace topgun::query {

StatusOr<ConditionOperand> ParseReference(std::string_view text) {
  using Source = ConditionOperand::Source;
  ConditionOperand operand;
  if (text == "auth") {
    operand.source = Source::kAuth;
  } else if (text == "auth.id") {
    operand.source = Source::kAuthId;
  } else if (text == "auth.roles") {
    operand.source = Source::kAuthRoles;
  } else if (NamesCaller(text)) {
    return InvalidArgument("of the caller only auth.id and auth.roles are known");
  } else {
    operand.source = Source::kData;
    const bool explicitly = text.starts_with("data.");
    if (text != "data") operand.path = SplitPath(explicitly ? text.substr(5) : text);
  }
  return operand;
}

bool NamesCaller(std::string_view text) { return text == "auth" || text.starts_with("auth."); }

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> segments;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    segments.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return segments;
}

}  // namespace topgun::query
