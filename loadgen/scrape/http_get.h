// One HTTP GET, blocking, over Beast. Any thread.
#pragma once

#include <chrono>
#include <string>

#include "base/status.h"

namespace topgun::loadgen {

struct HttpUrl {
  std::string host;
  std::string port;  // "80" when the URL names none
  std::string target;
};

// http://HOST[:PORT][/PATH]; https is not spoken.
StatusOr<HttpUrl> ParseHttpUrl(const std::string& url);

// The body of a 200 answer of at most 16 MiB. The error says what failed, also when the whole took
// longer than `timeout`.
StatusOr<std::string> HttpGet(const HttpUrl& url, std::chrono::milliseconds timeout);

}  // namespace topgun::loadgen
