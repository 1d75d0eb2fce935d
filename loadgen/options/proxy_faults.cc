#include "options/proxy_faults.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "options/values.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLatencyMax{60'000};
constexpr std::string_view kPerSecond = "/s";

struct ByteUnit {
  std::string_view name;
  double bytes = 1;
};
constexpr std::array kByteUnits = {
    ByteUnit{"B", 1},    ByteUnit{"kB", 1e3},   ByteUnit{"KB", 1e3},     ByteUnit{"MB", 1e6},
    ByteUnit{"GB", 1e9}, ByteUnit{"KiB", 1024}, ByteUnit{"MiB", 1 << 20}};

// The number in front of "UNIT/s", above 0.
std::optional<double> PerSecond(std::string_view text, std::string_view* unit) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  *unit = {rest, static_cast<size_t>(end - rest)};
  if (error != std::errc() || !std::isfinite(value) || value <= 0) return std::nullopt;
  if (!unit->ends_with(kPerSecond)) return std::nullopt;
  unit->remove_suffix(kPerSecond.size());
  return value;
}

Status ReadTime(const std::string& text, milliseconds* out) {
  const auto time = ParseDuration(text);
  if (!time || time->count() == 0 || *time > kLatencyMax) {
    return InvalidArgument("expected a time like 50ms, of 60s at most, got " + text);
  }
  *out = *time;
  return OkStatus();
}

Status ReadBandwidth(const std::string& text, double* out) {
  std::string_view unit;
  const auto value = PerSecond(text, &unit);
  for (const ByteUnit& each : kByteUnits) {
    if (!value || unit != each.name || *value * each.bytes < 1) continue;
    *out = *value * each.bytes;
    return OkStatus();
  }
  return InvalidArgument("expected bytes per second like 500kB/s or 1MB/s, got " + text);
}

Status ReadCutRate(const std::string& text, double* out) {
  std::string_view unit;
  const auto value = PerSecond(text, &unit);
  if (!value || !unit.empty()) return InvalidArgument("expected a rate like 0.5/s, got " + text);
  *out = *value;
  return OkStatus();
}

Status ReadStall(const std::string& text, OfflinePlan* out) {
  const auto plan = ParseOfflinePlan(text);
  if (!plan.ok() || plan->away.count() == 0) {
    return InvalidArgument("expected LENGTH/EVERY with LENGTH below EVERY, like 2s/30s, got " +
                           text);
  }
  *out = *plan;
  return OkStatus();
}

Status ReadRefusal(const std::string& text, double* out) {
  ASSIGN_OR_RETURN(*out, ParseShare(text));
  return *out > 0 ? OkStatus() : InvalidArgument("expected a share above 0, got " + text);
}

Status ReadFault(const std::string& kind, const std::string& value, ProxyFaults* faults) {
  if (kind == "latency") return ReadTime(value, &faults->latency);
  if (kind == "jitter") return ReadTime(value, &faults->jitter);
  if (kind == "bandwidth") return ReadBandwidth(value, &faults->bandwidth);
  if (kind == "cut") return ReadCutRate(value, &faults->cut_rate);
  if (kind == "stall") return ReadStall(value, &faults->stall);
  if (kind == "refuse") return ReadRefusal(value, &faults->refuse);
  return InvalidArgument("no such fault; there are latency, jitter, bandwidth, cut, stall, refuse");
}

}  // namespace

StatusOr<ProxyFaults> ParseProxyFaults(const std::vector<std::string>& specs) {
  ProxyFaults faults;
  std::set<std::string> kinds;
  for (const std::string& spec : specs) {
    const size_t colon = spec.find(':');
    if (colon == std::string::npos) {
      return InvalidArgument("--proxy-fault: expected KIND:VALUE like latency:50ms, got " + spec);
    }
    const std::string kind = spec.substr(0, colon);
    if (!kinds.insert(kind).second) {
      return InvalidArgument("--proxy-fault: " + kind + " is given twice");
    }
    const Status read = ReadFault(kind, spec.substr(colon + 1), &faults);
    if (!read.ok()) return Annotate(read, "--proxy-fault: " + kind);
  }
  return faults;
}

std::string ProxyFaults::Text() const {
  std::string text;
  const auto add = [&text](const std::string& fault) { text += (text.empty() ? "" : ",") + fault; };
  if (latency.count() > 0) add("latency:" + DurationText(latency));
  if (jitter.count() > 0) add("jitter:" + DurationText(jitter));
  if (bandwidth > 0) add("bandwidth:" + RateText(bandwidth) + "B/s");
  if (cut_rate > 0) add("cut:" + RateText(cut_rate) + "/s");
  if (stall.away.count() > 0) {
    add("stall:" + DurationText(stall.away) + "/" + DurationText(stall.every));
  }
  if (refuse > 0) add("refuse:" + RateText(refuse * 100) + "%");
  return text;
}

}  // namespace topgun::loadgen
