#include "client/url.h"

#include <arpa/inet.h>

namespace topgun::loadgen {
namespace {

constexpr std::string_view kPlainScheme = "ws://";
constexpr std::string_view kSecureScheme = "wss://";

Status Bad(std::string_view url) {
  return InvalidArgument("expected ws://host[:port][/path] or wss://..., got \"" +
                         std::string(url) + "\"");
}

bool IsPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string Endpoint::Authority() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
}

StatusOr<Endpoint> ParseUrl(std::string_view url) {
  const bool secure = url.starts_with(kSecureScheme);
  if (!secure && !url.starts_with(kPlainScheme)) return Bad(url);
  std::string_view rest = url.substr(secure ? kSecureScheme.size() : kPlainScheme.size());
  Endpoint endpoint;
  endpoint.port = secure ? "443" : "80";
  endpoint.path = "/";
  endpoint.secure = secure;

  const size_t path = rest.find('/');
  if (path != std::string_view::npos) {
    endpoint.path = rest.substr(path);
    rest = rest.substr(0, path);
  }
  const size_t colon = rest.rfind(':');
  const size_t bracket = rest.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    endpoint.port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  endpoint.host = rest;
  if (endpoint.host.empty() || !IsPort(endpoint.port)) return Bad(url);
  return endpoint;
}

bool IsIpAddress(const std::string& text) {
  in6_addr parsed;  // room for both
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

}  // namespace topgun::loadgen
