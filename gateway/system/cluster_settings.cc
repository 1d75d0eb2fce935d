#include "system/cluster_settings.h"

#include "logging/logging.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::gateway {
namespace {

std::optional<int64_t> ReadNumber(const MapMirror::Rows& rows, std::string_view name,
                                  const WholeRange& range) {
  const auto row = rows.find(name);
  if (row == rows.end()) return std::nullopt;
  msgpack::Reader reader(row->second);
  int64_t number = 0;
  if (!reader.ReadInt64(&number) || number < range.min || number > range.max) return std::nullopt;
  return number;
}

std::optional<std::string> ReadLogLevel(const MapMirror::Rows& rows) {
  const auto row = rows.find(kLogLevelSetting);
  if (row == rows.end()) return std::nullopt;
  msgpack::Reader reader(row->second);
  std::string_view text;
  if (!reader.ReadStr(&text) || !logging::ParseLevel(text).ok()) return std::nullopt;
  return std::string(text);
}

}  // namespace

ClusterSettings ReadClusterSettings(const MapMirror::Rows& rows) {
  return {.log_level = ReadLogLevel(rows),
          .gc_interval_ms = ReadNumber(rows, kGcIntervalSetting, kGcIntervalRange),
          .max_concurrent_operations = ReadNumber(rows, kConcurrencySetting, kConcurrencyRange)};
}

std::string EncodeSetting(std::string_view text) {
  std::string value;
  msgpack::Writer(value).Str(text);
  return value;
}

std::string EncodeSetting(int64_t number) {
  std::string value;
  msgpack::Writer(value).Int(number);
  return value;
}

}  // namespace topgun::gateway
