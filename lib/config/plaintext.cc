#include "config/plaintext.h"

#include <algorithm>

#include "base/network_address.h"

namespace topgun::config {

void AddAllowPlaintext(Settings& settings, std::vector<std::string>* target) {
  settings.Add("allow-plaintext", target,
               "Connections that may leave this machine without TLS, for private networks",
               {.group = "TLS", .allowed = {"clients", "grpc", "redis", "postgres"}});
}

Status CheckPlaintext(const std::vector<std::string>& allowed, std::string_view hop,
                      std::string_view what, std::string_view address, std::string_view way_out) {
  if (StaysOnThisMachine(address)) return OkStatus();
  if (std::find(allowed.begin(), allowed.end(), hop) != allowed.end()) return OkStatus();
  std::string message(what);
  message.append(": ").append(address).append(" is not on this machine alone, and ").append(hop);
  message.append(" has no TLS; set ").append(way_out);
  message.append(", or allow plain text with --allow-plaintext=").append(hop);
  return FailedPrecondition(message);
}

}  // namespace topgun::config
