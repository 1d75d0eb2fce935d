#include "state/keys.h"

#include <array>

#include "base/bytes.h"
#include "crdt/hash.h"

namespace topgun::state {
namespace {

constexpr uint32_t kSlotCount = 16384;

constexpr std::array<uint16_t, 256> MakeCrc16Table() {
  std::array<uint16_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = static_cast<uint16_t>(crc & 0xffff);
  }
  return table;
}
constexpr auto kCrc16Table = MakeCrc16Table();

uint16_t Crc16(std::string_view bytes) {
  uint32_t crc = 0;
  for (const char c : bytes) {
    crc = ((crc << 8) ^ kCrc16Table[((crc >> 8) ^ static_cast<uint8_t>(c)) & 0xff]) & 0xffff;
  }
  return static_cast<uint16_t>(crc);
}

constexpr bool IsCellKind(uint8_t kind) {
  return kind >= static_cast<uint8_t>(CellKind::kLww) &&
         kind <= static_cast<uint8_t>(CellKind::kCounter);
}

std::string_view CellsInfix(CellKind kind) {
  switch (kind) {
    case CellKind::kLww:
      return "l:";
    case CellKind::kOr:
      return "o:";
    case CellKind::kCounter:
      return "c:";
  }
  return "";
}

}  // namespace

uint32_t ShardOf(std::string_view key, uint32_t shard_count) {
  return crdt::PartitionOf(key) % shard_count;
}

std::string MapId(CellKind kind, std::string_view map) {
  std::string id(1, static_cast<char>(kind));
  id.append(map);
  return id;
}

bool ParseMapId(std::string_view map_id, MapIdView* out) {
  if (map_id.empty() || !IsCellKind(static_cast<uint8_t>(map_id.front()))) return false;
  *out = {static_cast<CellKind>(map_id.front()), map_id.substr(1)};
  return true;
}

std::string CellField(CellKind kind, std::string_view key, std::string_view tag) {
  std::string field;
  AppendCellField(field, kind, key, tag);
  return field;
}

void AppendCellField(std::string& out, CellKind kind, std::string_view key, std::string_view tag) {
  if (kind != CellKind::kOr) {
    out.append(key);
    return;
  }
  AppendBytes(out, key);
  out.append(tag);
}

bool ParseCellField(CellKind kind, std::string_view field, FieldView* out) {
  if (kind != CellKind::kOr) {
    *out = {field, {}};
    return true;
  }
  ByteCursor cursor(field);
  const std::string_view key = cursor.ReadBytes();
  if (!cursor.ok()) return false;
  *out = {key, cursor.rest()};
  return true;
}

uint32_t SlotOf(std::string_view tag) { return Crc16(tag) % kSlotCount; }

std::string ShardTag(uint32_t shard, uint32_t shard_count) {
  const std::string base = "s" + std::to_string(shard) + ".";
  for (uint32_t j = 0;; ++j) {
    std::string tag = base + std::to_string(j);
    if (SlotOf(tag) * shard_count / kSlotCount == shard) return tag;
  }
}

ShardKeys::ShardKeys(std::string_view prefix, uint32_t shard, uint32_t shard_count)
    : base_(std::string(prefix) + ":{" + ShardTag(shard, shard_count) + "}:"),
      meta_(base_ + "meta"),
      feed_(base_ + "feed"),
      maps_(base_ + "maps"),
      unloaded_(base_ + "unloaded"),
      loading_(base_ + "loading"),
      sweep_(base_ + "sweep"),
      fence_(base_ + "fence"),
      token_(base_ + "token") {}

std::string ShardKeys::Cells(CellKind kind, std::string_view map) const {
  const std::string_view infix = CellsInfix(kind);
  std::string key;
  key.reserve(base_.size() + infix.size() + map.size());
  return key.append(base_).append(infix).append(map);
}

std::string ShardKeys::Lock(std::string_view name) const {
  return std::string(base_).append("k:").append(name);
}

std::string ShardCountKey(std::string_view prefix) { return std::string(prefix) + ":shards"; }

}  // namespace topgun::state
