// Values of the wanted size and kind, each carrying who wrote it and when.
//
//   json   a record like an application's: {id, at, done, text}, packed as the client packs it
//   text   a string: identity and time in hex, then words
//   blob   MessagePack bin: the same header, then random bytes (raw clients only: the stock client
//          has no bytes)
//
// A value is a copy of one of a few prepared templates with identity and time patched in. Shared by
// all connections; immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workload/identity.h"

namespace topgun::loadgen {

enum class ValueKind : uint8_t { kJson, kText, kBlob };

struct ValueStamp {
  OpIdentity identity;
  int64_t sent_us = 0;  // since the Unix epoch
};

class ValueMaker {
 public:
  static constexpr size_t kBytesMin = 64;

  // `bytes`: size of the encoded value, at least kBytesMin.
  ValueMaker(ValueKind kind, size_t bytes, uint64_t seed);

  void Append(const ValueStamp& stamp, std::string& out) const;

  // What Append() put into a value, whatever its kind. Nothing for foreign values.
  static std::optional<ValueStamp> Read(std::string_view value);

 private:
  ValueKind kind_;
  size_t identity_offset_ = 0;
  size_t time_offset_ = 0;
  std::vector<std::string> templates_;
};

}  // namespace topgun::loadgen
