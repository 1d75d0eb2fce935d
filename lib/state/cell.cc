#include "state/cell.h"

#include <array>
#include <bit>

#include "base/bytes.h"

namespace topgun::state {
namespace {

constexpr uint8_t kFormat = 1;
constexpr uint8_t kFlagTombstone = 1;
constexpr uint8_t kFlagTtl = 2;

// Signed numbers travel as their two's complement: negative ones are legal, rare and long.
char* PutSigned(char* out, int64_t value) { return PutVarint(out, static_cast<uint64_t>(value)); }
int64_t ReadSigned(ByteCursor& cursor) { return static_cast<int64_t>(cursor.ReadVarint()); }

// What stands before the node id: two bytes and six varints.
constexpr size_t kHeadBytesMax = 2 + 6 * kVarintBytesMax;

void AppendDouble(std::string& out, double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  for (unsigned shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(bits >> shift));
}
double ReadDouble(ByteCursor& cursor) {
  uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bits |= static_cast<uint64_t>(cursor.ReadByte()) << shift;
  }
  return std::bit_cast<double>(bits);
}

}  // namespace

void AppendCell(std::string& out, const CellView& cell) {
  uint8_t flags = 0;
  if (cell.tombstone) flags |= kFlagTombstone;
  if (cell.has_ttl) flags |= kFlagTtl;
  std::array<char, kHeadBytesMax> head;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  char* end = head.data();
  *end++ = static_cast<char>(kFormat);
  *end++ = static_cast<char>(flags);
  end = PutVarint(end, cell.version.incarnation);
  end = PutVarint(end, cell.version.n);
  end = PutSigned(end, cell.commit_ms);
  end = PutSigned(end, cell.timestamp.millis);
  end = PutSigned(end, cell.timestamp.counter);
  end = PutVarint(end, cell.timestamp.node_id.size());
  out.append(head.data(), end);
  out.append(cell.timestamp.node_id);
  if (cell.has_ttl) AppendDouble(out, cell.ttl_ms);
  if (!cell.tombstone) out.append(cell.value);
}

std::string EncodeCell(const CellView& cell) {
  std::string out;
  out.reserve(48 + cell.timestamp.node_id.size() + cell.value.size());
  AppendCell(out, cell);
  return out;
}

bool DecodeCell(std::string_view bytes, CellView* out) {
  ByteCursor cursor(bytes);
  const uint8_t format = cursor.ReadByte();
  const uint8_t flags = cursor.ReadByte();
  if (format != kFormat || (flags & ~(kFlagTombstone | kFlagTtl)) != 0) return false;

  CellView cell;
  cell.tombstone = (flags & kFlagTombstone) != 0;
  cell.has_ttl = (flags & kFlagTtl) != 0;
  cell.version.incarnation = cursor.ReadVarint();
  cell.version.n = cursor.ReadVarint();
  cell.commit_ms = ReadSigned(cursor);
  cell.timestamp.millis = ReadSigned(cursor);
  cell.timestamp.counter = ReadSigned(cursor);
  cell.timestamp.node_id = cursor.ReadBytes();
  if (cell.has_ttl) cell.ttl_ms = ReadDouble(cursor);
  cell.value = cursor.rest();
  if (!cursor.ok() || (cell.tombstone && !cell.value.empty())) return false;
  *out = cell;
  return true;
}

}  // namespace topgun::state
