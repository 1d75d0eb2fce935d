// Values of the wanted size and kind, each carrying who wrote it and when.
//
//   json   a record like an application's: {id, at, done, text}, packed as the client packs it
//   text   a string: identity and time in hex, then words
//   blob   MessagePack bin: the same header, then random bytes (raw clients only: the stock client
//          has no bytes)
//
// A value is a copy of one of a few prepared templates with identity and time patched in. Sizes
// that vary are those of the templates, which stand for equal shares of the distribution. Shared by
// all connections; immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workload/identity.h"
#include "workload/value_size.h"

namespace topgun::loadgen {

enum class ValueKind : uint8_t { kJson, kText, kBlob };

struct ValueStamp {
  OpIdentity identity;
  int64_t sent_us = 0;  // since the Unix epoch
};

class ValueMaker {
 public:
  // `size` is that of the encoded value.
  ValueMaker(ValueKind kind, const ValueSize& size, uint64_t seed);

  void Append(const ValueStamp& stamp, std::string& out) const;

  // What Append() put into a value, whatever its kind. Nothing for foreign values.
  static std::optional<ValueStamp> Read(std::string_view value);

 private:
  struct Template {
    std::string bytes;
    size_t identity_offset = 0;
    size_t time_offset = 0;
  };

  ValueKind kind_;
  std::vector<Template> templates_;
};

}  // namespace topgun::loadgen
