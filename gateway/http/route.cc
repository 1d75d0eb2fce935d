#include "http/route.h"

namespace topgun::gateway {
namespace {

// Calls `each` for every segment; "/" has one empty segment. False as soon as `each` is.
template <typename Each>
bool ForEachSegment(std::string_view path, Each&& each) {
  if (!path.starts_with('/')) return false;
  for (size_t at = 0; at != std::string_view::npos;) {
    const size_t next = path.find('/', at + 1);
    if (!each(path.substr(at + 1, next == std::string_view::npos ? next : next - at - 1))) {
      return false;
    }
    at = next;
  }
  return true;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view RoutedRequest::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::string> DecodePercent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

PathPattern::PathPattern(std::string_view pattern) {
  ForEachSegment(pattern, [this](std::string_view segment) {
    const bool parameter = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    if (parameter) segment = segment.substr(1, segment.size() - 2);
    segments_.push_back({.text = std::string(segment), .is_parameter = parameter});
    if (!parameter) ++literals_;
    return true;
  });
}

std::optional<PathPattern::Parameters> PathPattern::Match(std::string_view path) const {
  Parameters parameters;
  size_t at = 0;
  const bool fits = ForEachSegment(path, [&](std::string_view text) {
    if (at == segments_.size()) return false;
    const Segment& segment = segments_[at++];
    if (!segment.is_parameter) return segment.text == text;
    std::optional<std::string> value = DecodePercent(text);
    if (!value || value->empty()) return false;
    parameters.emplace_back(segment.text, *std::move(value));
    return true;
  });
  if (!fits || at != segments_.size()) return std::nullopt;
  return parameters;
}

}  // namespace topgun::gateway
