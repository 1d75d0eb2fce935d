#include "tracing/settings.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "trimmed.h"

namespace topgun::tracing {
namespace {

constexpr std::string_view kPath = "/v1/traces";

void FillFromVariable(const char* name, std::string& target) {
  const char* const value = std::getenv(name);
  if (target.empty() && value != nullptr) target = value;
}

std::optional<char> HexByte(std::string_view digits) {
  int value = 0;
  if (digits.size() != 2) return std::nullopt;
  for (const char c : digits) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return static_cast<char>(value);
}

// Nothing when it would break out of its line.
std::optional<std::string> PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const auto byte = HexByte(text.substr(i + 1, 2));
      if (!byte) return std::nullopt;
      c = *byte;
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return std::nullopt;
    out.push_back(c);
  }
  return out;
}

bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

StatusOr<std::string> TracesUrl(const Options& options) {
  std::string_view url = options.endpoint;
  const bool known = url.starts_with("http://") || url.starts_with("https://");
  const size_t host = url.find("://") + 3;
  if (!known || url.size() <= host || url[host] == '/' || url.find(' ') != url.npos) {
    return InvalidArgument("otlp-endpoint: use http://host:4318 or https://host:4318");
  }
  if (url.find_first_of("?#") != url.npos || url.substr(host).find('@') != url.npos) {
    return InvalidArgument("otlp-endpoint: no query and no credentials; those go to otlp-headers");
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with(kPath)) url.remove_suffix(kPath.size());
  return std::string(url).append(kPath);
}

StatusOr<std::vector<std::string>> HeaderLines(const Options& options) {
  std::vector<std::string> lines;
  std::string_view rest = options.headers;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view pair = Trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = Trimmed(pair.substr(0, equals));
    const auto value = PercentDecoded(Trimmed(pair.substr(std::min(equals + 1, pair.size()))));
    if (equals == pair.size() || !IsHeaderName(name) || !value) {
      return InvalidArgument(
          "otlp-headers: use name=value,name=value with values percent-encoded; number " +
          std::to_string(lines.size() + 1) + " is not");
    }
    lines.push_back(std::string(name).append(": ").append(*value));
  }
  return lines;
}

void AddExportSettings(config::Settings& settings, Options& options) {
  const std::string group = "Tracing";
  settings.Add("otlp-endpoint", &options.endpoint,
               "OTLP/HTTP collector that gets the spans of traced work, http(s)://host:4318; "
               "empty: OTEL_EXPORTER_OTLP_ENDPOINT; without either nothing is exported",
               {.group = group, .max = 1024});
  settings.AddSecret("otlp-headers", &options.headers,
                     "Headers for the collector, name=value,... with values percent-encoded; "
                     "empty: OTEL_EXPORTER_OTLP_HEADERS",
                     {.group = group, .max = 8192});
  settings.Add("otlp-ca-file", &options.ca_file,
               "Certificates (PEM) that an https collector is checked against; empty: "
               "OTEL_EXPORTER_OTLP_CERTIFICATE, else those of the system",
               {.group = group});
  settings.AddCheck([&options]() -> Status {
    FillFromVariable("OTEL_EXPORTER_OTLP_ENDPOINT", options.endpoint);
    FillFromVariable("OTEL_EXPORTER_OTLP_HEADERS", options.headers);
    FillFromVariable("OTEL_EXPORTER_OTLP_CERTIFICATE", options.ca_file);
    if (options.endpoint.empty()) return OkStatus();
    RETURN_IF_ERROR(TracesUrl(options).status());
    return HeaderLines(options).status();
  });
}

void AddSamplingSettings(config::Settings& settings, Options& options) {
  const std::string group = "Tracing";
  settings.Add("trace-sample-ratio", &options.sample_ratio,
               "Share of the clients' frames that are traced, 0 to 1, where the upgrade request "
               "has no traceparent; one with the sampled flag is always traced",
               {.group = group, .min = 0, .max = 1});
  settings.Add("traces-per-second-max", &options.traces_per_second_max,
               "Frames that are traced per second, for whatever reason; the others are counted",
               {.group = group, .max = 100'000});
  settings.Add("trace-slow", &options.slow,
               "Writes that took this long until their acknowledgement get a span of their own "
               "even if they were not traced; 0: they do not",
               {.group = group});
}

}  // namespace topgun::tracing
