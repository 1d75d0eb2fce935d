// What is driven, and as whom.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "client/url.h"

namespace topgun::loadgen {

class OptionParser;

struct TargetConfig {
  std::vector<std::string> urls = {"ws://127.0.0.1:8080/ws"};
  std::vector<Endpoint> endpoints;  // of the urls
  bool http_sync = false;           // operations are written by POST /sync
  std::string jwt_secret;
  std::string jwt_secret_file;
  std::string token;
  bool no_auth = false;
  std::string tls_ca_file;  // empty: the system's authorities
  bool tls_insecure = false;
  uint32_t users = 100;
  std::vector<std::string> source_ips;  // connections take turns; empty: the system's choice
  std::chrono::milliseconds connect_timeout{15'000};
};

void RegisterTargetOptions(OptionParser& parser, TargetConfig& target);
// Parses the URLs, reads the authorities for TLS and finds the secret.
Status FinishTarget(TargetConfig& target);

}  // namespace topgun::loadgen
