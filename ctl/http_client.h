// Plain requests over libcurl: one at a time per call, any thread. Goes straight to the address,
// whatever the proxies of the environment.
#pragma once

#include <chrono>
#include <string>

#include "base/status.h"

namespace topgun::ctl {

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::string body = {};                 // sent as application/json when not empty
  std::string bearer = {};               // token; empty: none
  std::chrono::milliseconds timeout{0};  // 0: the client's
};

struct HttpReply {
  int status = 0;
  std::string body;
  // Of this machine: when the request left and the answer was complete.
  std::chrono::system_clock::time_point asked;
  std::chrono::system_clock::time_point answered;
};

class HttpClient {
 public:
  struct Options {
    std::chrono::milliseconds timeout{5'000};
    std::string ca_file;  // for https; empty: the system's
  };
  static constexpr size_t kBodyBytesMax = size_t{64} << 20;

  // The first one is made before any thread: libcurl wants to be set up.
  explicit HttpClient(Options options);

  // Whatever the status of the answer. UNAVAILABLE with the URL and the reason when there is none;
  // RESOURCE_EXHAUSTED when it is too large.
  StatusOr<HttpReply> Send(const HttpCall& call) const;

 private:
  const Options options_;
};

// %-encodes everything but letters, digits and -._~.
std::string EncodePercent(std::string_view text);

}  // namespace topgun::ctl
