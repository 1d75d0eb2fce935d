// Parts that the encoders of both sides share. Private to lib/wire.
#pragma once

#include <optional>
#include <string_view>

#include "msgpack/writer.h"
#include "wire/frame_type.h"
#include "wire/op.h"
#include "wire/records.h"
#include "wire/server_frame.h"

namespace topgun::wire {

// Opens a flat message: `fields` more pairs follow.
void BeginFlat(msgpack::Writer& writer, FrameType type, uint32_t fields);
// Opens a message with payload: `fields` pairs of the payload follow.
void BeginWrapped(msgpack::Writer& writer, FrameType type, uint32_t fields);

void WriteTimestamp(msgpack::Writer& writer, const crdt::TimestampView& timestamp);
void WriteValue(msgpack::Writer& writer, std::string_view value);  // empty: nil
void WriteLwwRecord(msgpack::Writer& writer, const LwwRecordView& record);
void WriteOrRecord(msgpack::Writer& writer, const crdt::OrRecordView& record);
void WriteOrEntries(msgpack::Writer& writer, const OrEntries& entries);
// Writes the pair `results` of an acknowledgement.
void WriteOpResults(msgpack::Writer& writer, std::span<const OpResult> results);
void WriteBuckets(msgpack::Writer& writer, std::span<const BucketHash> buckets);
// The whole message.
void WriteCounter(msgpack::Writer& writer, FrameType type, const CounterFrame& frame);

inline void WriteStr(msgpack::Writer& writer, std::string_view key, std::string_view value) {
  writer.Str(key);
  writer.Str(value);
}
inline void WriteInt(msgpack::Writer& writer, std::string_view key, int64_t value) {
  writer.Str(key);
  writer.Int(value);
}
inline void WriteNumber(msgpack::Writer& writer, std::string_view key, double value) {
  writer.Str(key);
  writer.Number(value);
}

// Optional fields: absent ones are left out and do not count.
inline void WriteStr(msgpack::Writer& writer, std::string_view key,
                     const std::optional<std::string_view>& value) {
  if (value) WriteStr(writer, key, *value);
}
inline void WriteInt(msgpack::Writer& writer, std::string_view key,
                     const std::optional<int64_t>& value) {
  if (value) WriteInt(writer, key, *value);
}

// How many of these optional values are there.
template <typename... Optional>
uint32_t CountOf(const Optional&... values) {
  return (0U + ... + (values.has_value() ? 1U : 0U));
}

}  // namespace topgun::wire
