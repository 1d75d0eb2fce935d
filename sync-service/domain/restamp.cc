#include "domain/restamp.h"

#include "base/bytes.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::sync {

namespace {

// 64-bit FNV-1a: the same on every replica and in every release, unlike a process-seeded hash.
uint64_t StableHash(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

std::string RestampKey(std::string_view map, std::string_view key, const CellState& original) {
  std::string out;
  AppendBytes(out, map);
  AppendBytes(out, key);
  AppendVarint(out, static_cast<uint64_t>(original.timestamp.millis));
  AppendVarint(out, static_cast<uint64_t>(original.timestamp.counter));
  AppendBytes(out, original.timestamp.node_id);
  AppendVarint(out, StableHash(original.value) ^ (original.tombstone ? 1u : 0u));
  return out;
}

std::string EncodeRestamp(const crdt::TimestampView& assigned) {
  std::string out;
  msgpack::Writer writer(out);
  writer.ArrayHeader(3);
  writer.Int(assigned.millis);
  writer.Int(assigned.counter);
  writer.Str(assigned.node_id);
  return out;
}

std::optional<crdt::TimestampView> DecodeRestamp(std::string_view value) {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  crdt::TimestampView assigned;
  reader.ReadArrayHeader(&count);
  reader.ReadInt64(&assigned.millis);
  reader.ReadInt64(&assigned.counter);
  reader.ReadStr(&assigned.node_id);
  if (!reader.ok() || count != 3) return std::nullopt;
  return assigned;
}

std::string EncodeClamps(const ClampedClocks& clocks) {
  std::string out;
  msgpack::Writer writer(out);
  writer.ArrayHeader(2);
  writer.Int(clocks.from);
  writer.Int(clocks.upto);
  return out;
}

std::optional<ClampedClocks> DecodeClamps(std::string_view value) {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  ClampedClocks clocks;
  reader.ReadArrayHeader(&count);
  reader.ReadInt64(&clocks.from);
  reader.ReadInt64(&clocks.upto);
  if (!reader.ok() || count != 2) return std::nullopt;
  return clocks;
}

}  // namespace topgun::sync
