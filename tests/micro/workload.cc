#include "workload.h"

#include <memory>
#include <string_view>

#include "msgpack/writer.h"
#include "wire/client_encode.h"

namespace topgun::micro {
namespace {

constexpr size_t kValueBytes = 200;
// Steps through the keys without repeating one in a frame.
constexpr size_t kKeyStep = 617;

std::string Padded(std::string_view prefix, size_t number, size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(prefix).append(digits - text.size(), '0').append(text);
}

bool IsOr(wire::OpKind kind) {
  return kind == wire::OpKind::kOrAdd || kind == wire::OpKind::kOrRemove;
}

}  // namespace

std::string MapName(size_t map) { return "loadgen-lww-" + std::to_string(map); }
std::string KeyName(size_t key) { return Padded("key-", key, 10); }
std::string NodeName(size_t node) { return Padded("0f3a9c-", node, 6); }

std::string Value(size_t number) {
  std::string value;
  msgpack::Writer writer(value, msgpack::Rendering::kClient);
  writer.MapHeader(4);
  writer.Str("id");
  writer.Str(Padded("item-", number, 16));
  writer.Str("at");
  writer.Number(static_cast<double>(kNowMs) + static_cast<double>(number));
  writer.Str("done");
  writer.Bool(number % 2 == 0);
  writer.Str("text");
  const size_t head = value.size() + 2;  // str8
  writer.Str(std::string(kValueBytes - head, 'x'));
  return value;
}

Ops::Ops(wire::OpKind kind, size_t count, size_t node, size_t first) : node_(NodeName(node)) {
  bytes_.reserve(count);
  ops_.reserve(count);
  for (size_t i = first; i < first + count; ++i) {
    Bytes& bytes = bytes_.emplace_back();
    bytes.id = std::to_string(1'000 + i);
    bytes.map = MapName(i % kMaps);
    bytes.key = KeyName(i * kKeyStep % kKeys);
    if (IsOr(kind)) bytes.tag = std::to_string(kNowMs) + ":" + std::to_string(i) + ":" + node_;
    if (kind == wire::OpKind::kPut || kind == wire::OpKind::kOrAdd) bytes.value = Value(i);
    wire::Op& op = ops_.emplace_back();
    op.id = bytes.id;
    op.has_id = true;
    op.map = bytes.map;
    op.key = bytes.key;
    op.tag = bytes.tag;
    op.value = bytes.value;
    op.kind = kind;
    op.timestamp = {kNowMs, static_cast<int64_t>(i), node_};
    op.has_timestamp = true;
  }
}

std::string Ops::Frame() const {
  std::string frame;
  wire::OpBatchFrame batch;
  batch.ops = ops_;
  wire::EncodeOpBatch(batch, frame);
  return frame;
}

}  // namespace topgun::micro
