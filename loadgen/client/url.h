// Addresses of gateways: ws://host[:port][/path], or wss:// for TLS. Values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tls/context.h"

namespace topgun::loadgen {

struct Endpoint {
  std::string host;
  std::string port;
  std::string path;
  bool secure = false;
  // Not part of the URL:
  tls::ContextPtr tls = nullptr;  // what a secure one is judged by
  uint16_t proxy_port = 0;        // on 127.0.0.1, to connect to instead; 0: directly

  // "host:port", with brackets around an IPv6 address.
  std::string Authority() const;
};

StatusOr<Endpoint> ParseUrl(std::string_view url);

// An IPv4 or IPv6 address in its text form.
bool IsIpAddress(const std::string& text);

}  // namespace topgun::loadgen
