// Settings that an administrator changes while the cluster runs (core.md 9.2, PUT
// /api/admin/settings): one row of the reserved map per setting, so that every gateway follows and
// a restart keeps them. A setting without row is as the process was started. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "system/map_mirror.h"

namespace topgun::gateway {

inline constexpr std::string_view kSettingsMap = "_topgun_settings";

inline constexpr std::string_view kLogLevelSetting = "logLevel";
inline constexpr std::string_view kGcIntervalSetting = "gcIntervalMs";
inline constexpr std::string_view kConcurrencySetting = "maxConcurrentOperations";

struct WholeRange {
  int64_t min = 0;
  int64_t max = 0;
};
inline constexpr WholeRange kGcIntervalRange{1'000, 86'400'000};
// The cluster's own records must always get through.
inline constexpr WholeRange kConcurrencyRange{1'000, 1'000'000};

struct ClusterSettings {
  std::optional<std::string> log_level;  // logging::ParseLevel accepts it
  std::optional<int64_t> gc_interval_ms;
  std::optional<int64_t> max_concurrent_operations;

  friend bool operator==(const ClusterSettings&, const ClusterSettings&) = default;
};

// Rows that this version cannot read, or whose values it would not accept, count as missing.
ClusterSettings ReadClusterSettings(const MapMirror::Rows& rows);

std::string EncodeSetting(std::string_view text);
std::string EncodeSetting(int64_t number);

}  // namespace topgun::gateway
