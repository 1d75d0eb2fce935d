// The rule for names of topics and locks (features.md 2, 3). Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace topgun::wire {

inline constexpr size_t kPlainNameBytesMax = 256;

// 1 to 256 bytes, of ASCII letters, digits and _ - . : /
constexpr bool IsPlainName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':' || c == '/';
  };
  return !name.empty() && name.size() <= kPlainNameBytesMax &&
         std::all_of(name.begin(), name.end(), fits);
}

}  // namespace topgun::wire
