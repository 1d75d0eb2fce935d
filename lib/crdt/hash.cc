#include "crdt/hash.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "crdt/js_text.h"
#include "crdt/utf16.h"
#include "msgpack/reader.h"

namespace topgun::crdt {
namespace {

constexpr uint32_t kFnvPrime = 0x01000193;

// Receives the text of an OR item, either to hash it or to show it.
class TextSink {
 public:
  explicit TextSink(std::string* out) : out_(out) {}
  void Append(std::string_view text) { out_->append(text); }
  void AppendInteger(int64_t value) { out_->append(std::to_string(value)); }

 private:
  std::string* out_;
};

// The common case, a string, is appended without a copy.
template <typename Sink>
void AppendValue(Sink& sink, std::string_view value, std::string* scratch) {
  msgpack::Reader reader(value);
  std::string_view text;
  if (reader.Peek() == msgpack::Type::kStr && reader.ReadStr(&text)) {
    sink.Append(text);
    return;
  }
  scratch->clear();
  AppendValueText(*scratch, value);
  sink.Append(*scratch);
}

template <typename Sink>
void AppendOrRecord(Sink& sink, const OrRecordView& record, std::string* scratch) {
  sink.Append("|");
  sink.Append(record.tag);
  sink.Append(":");
  AppendValue(sink, record.value, scratch);
  sink.Append(":");
  sink.AppendInteger(record.timestamp.millis);
  sink.Append(":");
  sink.AppendInteger(record.timestamp.counter);
  sink.Append(":");
  sink.Append(record.timestamp.node_id);
  if (!record.has_ttl) return;
  scratch->clear();
  AppendNumberText(*scratch, record.ttl_ms);
  sink.Append(":ttl=");
  sink.Append(*scratch);
}

template <typename Sink>
void AppendOrItem(Sink& sink, std::string_view key, std::span<const OrRecordView> records) {
  std::vector<const OrRecordView*> by_tag;
  by_tag.reserve(records.size());
  for (const OrRecordView& record : records) by_tag.push_back(&record);
  std::sort(by_tag.begin(), by_tag.end(),
            [](const OrRecordView* a, const OrRecordView* b) { return Utf16Less(a->tag, b->tag); });

  std::string scratch;
  sink.Append("key:");
  sink.Append(key);
  for (const OrRecordView* record : by_tag) AppendOrRecord(sink, *record, &scratch);
}

}  // namespace

void StringHasher::Append(std::string_view utf8) {
  uint32_t hash = hash_;
  size_t ascii = 0;  // the bytes that are code units as they are
  for (; ascii < utf8.size() && static_cast<uint8_t>(utf8[ascii]) < 0x80; ++ascii) {
    hash = (hash ^ static_cast<uint8_t>(utf8[ascii])) * kFnvPrime;
  }
  Utf16Cursor cursor(utf8.substr(ascii));
  for (uint16_t unit = 0; cursor.Next(&unit);) hash = (hash ^ unit) * kFnvPrime;
  hash_ = hash;
}

void StringHasher::AppendInteger(int64_t value) {
  char digits[20];  // "-9223372036854775808"
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  Append({digits, static_cast<size_t>(end - digits)});
}

uint32_t HashString(std::string_view utf8) {
  StringHasher hasher;
  hasher.Append(utf8);
  return hasher.value();
}

uint32_t Mix(uint32_t hash) {
  hash ^= hash >> 16;
  hash *= 0x85ebca6b;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35;
  hash ^= hash >> 16;
  return hash;
}

uint32_t Combine(std::span<const uint32_t> hashes) {
  uint32_t sum = 0;
  for (const uint32_t hash : hashes) sum += Mix(hash);
  return sum;
}

uint32_t PartitionOf(std::string_view key) { return HashString(key) % kPartitionCount; }

uint32_t LwwItemHash(std::string_view key, const TimestampView& timestamp) {
  StringHasher hasher;
  hasher.Append(key);
  hasher.Append(":");
  hasher.AppendInteger(timestamp.millis);
  hasher.Append(":");
  hasher.AppendInteger(timestamp.counter);
  hasher.Append(":");
  hasher.Append(timestamp.node_id);
  return hasher.value();
}

uint32_t OrItemHash(std::string_view key, std::span<const OrRecordView> records) {
  if (records.empty()) return 0;
  StringHasher hasher;
  AppendOrItem(hasher, key, records);
  return hasher.value();
}

std::string OrItemText(std::string_view key, std::span<const OrRecordView> records) {
  std::string text;
  TextSink sink(&text);
  AppendOrItem(sink, key, records);
  return text;
}

}  // namespace topgun::crdt
