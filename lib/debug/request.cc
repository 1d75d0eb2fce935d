#include "request.h"

#include <charconv>

namespace topgun::debug {

std::optional<std::string_view> QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  }
  return std::nullopt;
}

StatusOr<int> SecondsOf(std::string_view query, int max, int fallback) {
  const std::optional<std::string_view> text = QueryValue(query, "seconds");
  if (!text) return fallback;
  int seconds = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, seconds);
  if (parsed.ec == std::errc() && parsed.ptr == end && seconds >= 1 && seconds <= max) {
    return seconds;
  }
  return InvalidArgument("seconds takes a number from 1 to " + std::to_string(max) + ", not '" +
                         std::string(*text) + "'");
}

admin::Response ErrorResponse(const Status& status) {
  admin::Response response;
  response.status = status.code() == StatusCode::kInvalidArgument      ? 400
                    : status.code() == StatusCode::kFailedPrecondition ? 409
                                                                       : 503;
  response.body = std::string(Message(status)) + "\n";
  return response;
}

}  // namespace topgun::debug
