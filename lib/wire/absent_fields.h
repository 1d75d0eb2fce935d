// Fields of server messages that count as zero or false when they are absent, and the LWW record.
// Private to lib/wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "frame_reader.h"
#include "record_reader.h"

namespace topgun::wire {

inline bool ReadNumber(FrameReader& reader, std::string_view field, double* out) {
  std::optional<double> number;
  if (!reader.Number(field, &number)) return false;
  *out = number.value_or(0);
  return true;
}

inline bool ReadWhole(FrameReader& reader, std::string_view field, int64_t* out) {
  std::optional<int64_t> number;
  if (!reader.Whole(field, &number)) return false;
  *out = number.value_or(0);
  return true;
}

inline bool ReadUint32(FrameReader& reader, std::string_view field, uint32_t* out) {
  std::optional<uint32_t> number;
  if (!reader.Uint32(field, &number)) return false;
  *out = number.value_or(0);
  return true;
}

inline bool ReadBool(FrameReader& reader, std::string_view field, bool* out) {
  std::optional<bool> value;
  if (!reader.Bool(field, &value)) return false;
  *out = value.value_or(false);
  return true;
}

// A record that does not hold together is an error of `field`.
inline bool ReadLwwRecord(FrameReader& reader, std::string_view field, LwwRecordView* out) {
  RecordField record;
  if (!ReadRecord(reader, &record)) return false;
  const auto valid = ToLwwRecord(record);
  if (!valid) return reader.Fail(DecodeError::kBadField, field);
  *out = *valid;
  return true;
}

}  // namespace topgun::wire
