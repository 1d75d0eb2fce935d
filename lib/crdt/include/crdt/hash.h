// Hash functions of the protocol (core.md 7.1, 7.3, 8.1). All hashes are unsigned 32-bit.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "crdt/timestamp.h"

namespace topgun::crdt {

inline constexpr uint32_t kPartitionCount = 271;

// FNV-1a over UTF-16 code units (crdt/utf16.h), fed piece by piece: the result is that of the
// concatenated text, which therefore never has to be built.
class StringHasher {
 public:
  void Append(std::string_view utf8);
  void AppendInteger(int64_t value);
  uint32_t value() const { return hash_; }

 private:
  uint32_t hash_ = 0x811c9dc5;
};

// FNV-1a over the UTF-16 code units of a UTF-8 string. Lone surrogates in their raw 3-byte form
// count as that unit; bytes that are no UTF-8 count as U+FFFD each.
uint32_t HashString(std::string_view utf8);
uint32_t Mix(uint32_t hash);
uint32_t Combine(std::span<const uint32_t> hashes);  // sum of Mix(x), order-free

uint32_t PartitionOf(std::string_view key);  // HashString(key) mod kPartitionCount

// LWW: H(key ":" millis ":" counter ":" nodeId).
uint32_t LwwItemHash(std::string_view key, const TimestampView& timestamp);

struct OrRecordView {
  std::string_view value;  // MessagePack
  TimestampView timestamp;
  std::string_view tag;
  bool has_ttl = false;
  double ttl_ms = 0;
};

// OR, client formula of 7.3. `records` in any order; empty -> 0 (tombstones only).
uint32_t OrItemHash(std::string_view key, std::span<const OrRecordView> records);

// The text that OrItemHash hashes, for diagnostics and tests.
std::string OrItemText(std::string_view key, std::span<const OrRecordView> records);

}  // namespace topgun::crdt
