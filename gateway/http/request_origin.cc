#include "http/request_origin.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

namespace topgun::gateway {
namespace {

constexpr size_t kRequestIdBytesMax = 128;
constexpr size_t kHeaderListBytesMax = 1'024;
constexpr std::string_view kPreflightSeconds = "86400";

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool ConsistsOf(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    return IsAlphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsAddress(const std::string& text) {
  in_addr four{};
  in6_addr six{};
  return inet_pton(AF_INET, text.c_str(), &four) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

// Several headers of one name count as one list; the last one is the proxy's.
std::string_view LastForwarded(const HttpRequest& request) {
  std::string_view last;
  for (const auto& [name, value] : request.headers) {
    if (SameHeaderName(name, "x-forwarded-for")) last = value;
  }
  const size_t comma = last.rfind(',');
  return Trim(comma == std::string_view::npos ? last : last.substr(comma + 1));
}

}  // namespace

std::string_view RequestIdOf(const HttpRequest& request) {
  const std::string_view id = request.Header("x-request-id");
  return id.size() <= kRequestIdBytesMax && ConsistsOf(id, "._:/+=-") ? id : std::string_view();
}

std::string ClientAddressOf(const HttpRequest& request, bool trusted_proxy) {
  if (trusted_proxy) {
    for (const std::string_view text :
         {LastForwarded(request), Trim(request.Header("x-real-ip"))}) {
      std::string address(text);
      if (IsAddress(address)) return address;
    }
  }
  return std::string(request.peer);
}

Cors::Cors(std::vector<std::string> origins)
    : origins_(std::move(origins)),
      any_(std::find(origins_.begin(), origins_.end(), "*") != origins_.end()) {}

bool Cors::Allows(std::string_view origin) const {
  return any_ || std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

void Cors::Allow(const HttpRequest& request, HttpHeaders& headers) const {
  if (origins_.empty()) return;
  // A cache must not give one origin's answer to another.
  if (!any_) headers.emplace_back("vary", "origin");
  const std::string_view origin = request.Header("origin");
  if (origin.empty() || !Allows(origin)) return;
  headers.emplace_back("access-control-allow-origin",
                       any_ ? std::string("*") : std::string(origin));
  if (!any_) headers.emplace_back("access-control-allow-credentials", "true");
  headers.emplace_back("access-control-expose-headers", "x-request-id, retry-after");
}

bool Cors::IsPreflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && !request.Header("origin").empty() &&
         !request.Header("access-control-request-method").empty();
}

HttpResponse Cors::Preflight(const HttpRequest& request, std::string_view methods) const {
  if (!Allows(request.Header("origin"))) return JsonError(403, "origin not allowed", "origin");
  HttpResponse response{.status = 204, .content_type = {}, .body = {}, .headers = {}};
  response.headers.emplace_back("access-control-allow-methods", methods);
  const std::string_view wanted = request.Header("access-control-request-headers");
  if (!wanted.empty() && wanted.size() <= kHeaderListBytesMax && ConsistsOf(wanted, "-_, ")) {
    response.headers.emplace_back("access-control-allow-headers", wanted);
  }
  response.headers.emplace_back("access-control-max-age", kPreflightSeconds);
  return response;
}

}  // namespace topgun::gateway
