#include "workload/op_encoder.h"

#include <bit>
#include <charconv>

#include "msgpack/writer.h"

namespace topgun::loadgen {
namespace {

using msgpack::Rendering;
using msgpack::Writer;
using wire::OpKind;

using namespace std::string_view_literals;

constexpr size_t kDecimalDigitsMax = 20;

template <typename Write>
std::string Encoded(Write write) {
  std::string out;
  Writer writer(out, Rendering::kClient);
  write(writer);
  return out;
}

// Members that never change, in the client's order of keys. The client writes every map as map16.
constexpr std::string_view kRecord =
    "\xa6"
    "record"
    "\xde\x00\x02"
    "\xa5"
    "value"sv;
constexpr std::string_view kRecordWithTtl =
    "\xa6"
    "record"
    "\xde\x00\x03"
    "\xa5"
    "value"sv;
constexpr std::string_view kOrRecordWithTtl =
    "\xa8"
    "orRecord"
    "\xde\x00\x04"
    "\xa5"
    "value"sv;
constexpr std::string_view kTtl =
    "\xa5"
    "ttlMs"sv;
constexpr std::string_view kOrRecord =
    "\xa8"
    "orRecord"
    "\xde\x00\x03"
    "\xa5"
    "value"sv;
constexpr std::string_view kNil = "\xc0"sv;
constexpr std::string_view kTag =
    "\xa3"
    "tag"sv;
constexpr std::string_view kOrTag =
    "\xa5"
    "orTag"sv;
constexpr std::string_view kTimestampToMillis =
    "\xa9"
    "timestamp"
    "\xde\x00\x03"
    "\xa6"
    "millis"
    "\xcb"sv;
constexpr std::string_view kCounter =
    "\xa7"
    "counter"sv;
constexpr std::string_view kSyncedToId =
    "\xa6"
    "synced"
    "\xc2"
    "\xa2"
    "id"sv;

void AppendFloat64(int64_t value, std::string& out) {
  const auto bits = std::bit_cast<uint64_t>(static_cast<double>(value));
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    out.push_back(static_cast<char>(bits >> (shift - 8)));
  }
}

size_t WriteDecimal(uint64_t value, char* out) {
  return static_cast<size_t>(std::to_chars(out, out + kDecimalDigitsMax, value).ptr - out);
}

}  // namespace

OpEncoder::OpEncoder(const KeySpace& keys, const ValueMaker& values, uint32_t run, uint32_t writer)
    : values_(values), run_(run), writer_(writer), node_id_(NodeId(run, writer)) {
  for (const KeySpace::Map& map : keys.maps()) {
    std::array<std::string, kKinds>& heads = heads_.emplace_back();
    for (size_t kind = 0; kind < kKinds; ++kind) {
      heads[kind] = Encoded([&](Writer& w) {
        w.MapHeader(7);
        w.Str("mapName");
        w.Str(map.name);
        w.Str("opType");
        w.Str(wire::Name(static_cast<OpKind>(kind)));
        w.Str("key");
        w.Str(KeySpace::KeyName(0));
      });
      heads[kind].resize(heads[kind].size() - KeySpace::kKeyBytes);
    }
  }
  node_member_ = Encoded([&](Writer& w) {
    w.Str("nodeId");
    w.Str(node_id_);
  });
}

void OpEncoder::AppendTimestamp(const OpStamp& stamp, std::string& out) const {
  out.append(kTimestampToMillis);
  AppendFloat64(stamp.millis, out);
  out.append(kCounter);
  Writer(out, Rendering::kClient).Int(stamp.counter);
  out.append(node_member_);
}

// The text form of the timestamp, core.md 3.1.
void OpEncoder::AppendTag(const OpStamp& stamp, std::string& out) const {
  char text[2 * kDecimalDigitsMax + 2];
  size_t size = WriteDecimal(static_cast<uint64_t>(stamp.millis), text);
  text[size++] = ':';
  size += WriteDecimal(static_cast<uint64_t>(stamp.counter), text + size);
  text[size++] = ':';
  const size_t total = size + node_id_.size();
  if (total < 32) {
    out.push_back(static_cast<char>(0xa0U | total));
  } else {
    out.push_back('\xd9');
    out.push_back(static_cast<char>(total));
  }
  out.append(text, size).append(node_id_);
}

void OpEncoder::AppendTtl(uint32_t ttl_ms, std::string& out) {
  out.append(kTtl);
  Writer(out, Rendering::kClient).Number(ttl_ms);
}

void OpEncoder::Append(const Op& op, int64_t sent_us, std::string& out) const {
  out.append(heads_[op.map][static_cast<size_t>(op.kind)]);
  char key[KeySpace::kKeyBytes];
  KeySpace::WriteKey(op.key, key);
  out.append(key, sizeof key);

  const ValueStamp value_stamp{{run_, writer_, op.id}, sent_us};
  switch (op.kind) {
    case OpKind::kPut:
      out.append(op.ttl_ms == 0 ? kRecord : kRecordWithTtl);
      values_.Append(value_stamp, out);
      AppendTimestamp(op.stamp, out);
      if (op.ttl_ms != 0) AppendTtl(op.ttl_ms, out);
      break;
    case OpKind::kRemove:
      out.append(kRecord).append(kNil);
      AppendTimestamp(op.stamp, out);
      break;
    case OpKind::kOrAdd:
      out.append(op.ttl_ms == 0 ? kOrRecord : kOrRecordWithTtl);
      values_.Append(value_stamp, out);
      AppendTimestamp(op.stamp, out);
      out.append(kTag);
      AppendTag(op.stamp, out);
      if (op.ttl_ms != 0) AppendTtl(op.ttl_ms, out);
      break;
    case OpKind::kOrRemove:
    case OpKind::kNothing:
      out.append(kOrTag);
      AppendTag(op.tag, out);
      break;
  }
  AppendTimestamp(op.stamp, out);

  out.append(kSyncedToId);
  char id[kDecimalDigitsMax];
  const size_t id_size = WriteDecimal(op.id, id);
  out.push_back(static_cast<char>(0xa0U | id_size));
  out.append(id, id_size);
}

std::string OpBatchHead(uint32_t op_count, bool has_write_concern) {
  return Encoded([&](Writer& w) {
    w.MapHeader(2);
    w.Str("type");
    w.Str("OP_BATCH");
    w.Str("payload");
    w.MapHeader(has_write_concern ? 2 : 1);
    w.Str("ops");
    w.ArrayHeader(op_count);
  });
}

std::string OpBatchTail(std::string_view write_concern) {
  if (write_concern.empty()) return {};
  return Encoded([&](Writer& w) {
    w.Str("writeConcern");
    w.Str(write_concern);
  });
}

}  // namespace topgun::loadgen
