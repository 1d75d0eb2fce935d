// The token of an Authorization header (RFC 6750). Pure; any thread.
#pragma once

#include <string_view>

#include "http/http.h"

namespace topgun::gateway {

// Empty when there is none.
inline std::string_view BearerTokenOf(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = request.Header("authorization");
  if (!SameHeaderName(value.substr(0, kScheme.size()), kScheme)) return {};
  std::string_view token = value.substr(kScheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

}  // namespace topgun::gateway
