// The settings of tracing: every service has those of the export, the gateway those of what is
// traced as well. Used on main's thread, before any other starts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/settings.h"

namespace topgun::tracing {

struct Options {
  std::string endpoint = {};  // of the collector, without /v1/traces; empty: nothing is exported
  std::string headers = {};   // name=value,...; values percent-encoded
  std::string ca_file = {};   // PEM; empty: those of the system
  double sample_ratio = 0;
  uint32_t traces_per_second_max = 50;
  std::chrono::milliseconds slow{1'000};  // 0: slow frames are not noticed
};

// --otlp-endpoint, --otlp-headers-file, --otlp-ca-file. What is empty is taken from the variables
// OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS and _CERTIFICATE.
void AddExportSettings(config::Settings& settings, Options& options);
// --trace-sample-ratio, --traces-per-second-max, --trace-slow.
void AddSamplingSettings(config::Settings& settings, Options& options);

// Both check what they are given; the errors do not repeat it, for it may be secret.
StatusOr<std::string> TracesUrl(const Options& options);
// As lines of HTTP.
StatusOr<std::vector<std::string>> HeaderLines(const Options& options);

}  // namespace topgun::tracing
