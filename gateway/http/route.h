// One HTTP endpoint: where it is, what it is for, how its path matches. Values; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/http.h"

namespace topgun::gateway {

// A request as an endpoint sees it. Valid during the call only.
struct RoutedRequest {
  const HttpRequest& http;
  std::string_view client;  // address that rate limits count
  std::span<const std::pair<std::string_view, std::string>> parameters;

  // What stands in the path for `{name}`, decoded; empty when the pattern has no such name.
  std::string_view Parameter(std::string_view name) const;
};

// An endpoint for humans and for GET /api/openapi.json.
struct RouteInfo {
  struct Response {
    int status = 200;
    std::string description;
    std::string content_type = "application/json";  // empty: no body
  };

  std::string method;             // "GET" answers HEAD, too
  std::string path;               // segments; {name} stands for any one that is not empty
  std::string summary;            // one sentence without its full stop
  bool admin = false;             // needs the token of an administrator
  std::string request_type = {};  // of the body; empty: none
  std::vector<Response> responses = {};
  bool traced = true;  // false: machines ask it every few seconds, which would drown the rest
};

// A path cut at its slashes.
class PathPattern {
 public:
  using Parameters = std::vector<std::pair<std::string_view, std::string>>;

  explicit PathPattern(std::string_view pattern);

  // The decoded parameters when the percent-encoded path matches; their names point into this.
  std::optional<Parameters> Match(std::string_view path) const;
  // More of them win over fewer.
  size_t literals() const { return literals_; }

 private:
  struct Segment {
    std::string text;
    bool is_parameter = false;
  };

  std::vector<Segment> segments_;
  size_t literals_ = 0;
};

// Nothing when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> DecodePercent(std::string_view text);

}  // namespace topgun::gateway
