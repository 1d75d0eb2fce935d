// Reading clock and record values of the CRDT vectors.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "support/vectors.h"

namespace topgun::crdt {

inline std::string String(const boost::json::value& value) {
  return std::string(support::Text(value));
}

inline std::string Name(const boost::json::object& object) { return String(object.at("name")); }

inline Timestamp ReadTimestamp(const boost::json::value& value) {
  return {value.at("millis").to_number<int64_t>(), value.at("counter").to_number<int64_t>(),
          String(value.at("nodeId"))};
}

// A ttlMs of null is none to us (lib/crdt/README.md).
inline std::optional<double> ReadTtl(const boost::json::value& record) {
  const boost::json::value* ttl = record.as_object().if_contains("ttlMs");
  if (ttl == nullptr || ttl->is_null()) return std::nullopt;
  return ttl->to_number<double>();
}

inline LwwRecord ReadLwwRecord(const boost::json::value& value) {
  LwwRecord record;
  record.tombstone = value.at("value").is_null();
  if (!record.tombstone) record.value = support::ToMsgpack(value.at("value"));
  record.timestamp = ReadTimestamp(value.at("timestamp"));
  record.ttl_ms = ReadTtl(value);
  return record;
}

inline OrRecord ReadOrRecord(const boost::json::value& value) {
  return {support::ToMsgpack(value.at("value")), ReadTimestamp(value.at("timestamp")),
          String(value.at("tag")), ReadTtl(value)};
}

inline std::vector<OrRecord> ReadOrRecords(const boost::json::value& values) {
  std::vector<OrRecord> records;
  for (const boost::json::value& value : values.as_array()) records.push_back(ReadOrRecord(value));
  return records;
}

inline std::vector<std::string> ReadStrings(const boost::json::value& values) {
  std::vector<std::string> strings;
  for (const boost::json::value& value : values.as_array()) strings.push_back(String(value));
  return strings;
}

inline uint32_t ReadHash(const boost::json::value& value) { return value.to_number<uint32_t>(); }

}  // namespace topgun::crdt
