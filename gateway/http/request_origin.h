// Where a request comes from: its id, the address of its client, and whether a page of another
// origin may read the answer (core.md 9.2, features.md 13). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"

namespace topgun::gateway {

// The `x-request-id` of the request if it is sane (1 to 128 of [A-Za-z0-9._:/+=-]), else empty.
std::string_view RequestIdOf(const HttpRequest& request);

// The address that rate limits count. Behind a trusted proxy the last address of X-Forwarded-For,
// which that proxy appended, or X-Real-IP; anything that is no address is ignored.
std::string ClientAddressOf(const HttpRequest& request, bool trusted_proxy);

// Cross-origin resource sharing. `*` stands for all origins, without credentials.
class Cors {
 public:
  explicit Cors(std::vector<std::string> origins);

  // Adds what lets the page that asked read the answer; nothing for other origins.
  void Allow(const HttpRequest& request, HttpHeaders& headers) const;
  // The answer to a preflight request. `methods` are those of the resource, comma separated.
  HttpResponse Preflight(const HttpRequest& request, std::string_view methods) const;

  static bool IsPreflight(const HttpRequest& request);

 private:
  bool Allows(std::string_view origin) const;

  std::vector<std::string> origins_;
  bool any_ = false;
};

}  // namespace topgun::gateway
