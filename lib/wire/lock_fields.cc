#include "lock_fields.h"

#include <optional>

#include "absent_fields.h"

namespace topgun::wire {
namespace {

using Found = FrameReader::Found;

// What is no number counts as absent: the client waits for an answer all the same.
bool ReadTtl(FrameReader& reader, std::optional<double>* out) {
  double ttl_ms = 0;
  const Found found = reader.TryNumber(&ttl_ms);
  out->reset();
  if (found == Found::kValue) *out = ttl_ms;
  return found != Found::kBroken;
}

bool ReadToken(FrameReader& reader, std::optional<int64_t>* out) {
  int64_t token = 0;
  const Found found = reader.TryWhole(kWholeMax, &token);
  out->reset();
  if (found == Found::kValue) *out = token;
  return found != Found::kBroken;
}

}  // namespace

bool ReadField(FrameReader& reader, std::string_view key, LockRequestFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "name")) return reader.Str("name", &frame.name);
  if (Is(key, "ttl")) return ReadTtl(reader, &frame.ttl_ms);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const LockRequestFrame& frame) {
  return reader.Require(frame.request_id, "requestId") && reader.Require(frame.name, "name");
}

bool ReadField(FrameReader& reader, std::string_view key, LockReleaseFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "name")) return reader.Str("name", &frame.name);
  if (Is(key, "fencingToken")) return ReadToken(reader, &frame.fencing_token);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const LockReleaseFrame& frame) {
  return reader.Require(frame.name, "name");
}

bool ReadField(FrameReader& reader, std::string_view key, LockGrantedFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "name")) return reader.Str("name", &frame.name);
  if (Is(key, "fencingToken")) return ReadWhole(reader, "fencingToken", &frame.fencing_token);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const LockGrantedFrame& frame) {
  return reader.Require(frame.request_id, "requestId");
}

bool ReadField(FrameReader& reader, std::string_view key, LockReleasedFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "name")) return reader.Str("name", &frame.name);
  if (Is(key, "success")) return ReadBool(reader, "success", &frame.success);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const LockReleasedFrame& frame) {
  return reader.Require(frame.request_id, "requestId");
}

}  // namespace topgun::wire
