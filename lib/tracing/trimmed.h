// Text without the blanks and tabs around it. Private to this folder.
#pragma once

#include <string_view>

namespace topgun::tracing {

inline std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace topgun::tracing
