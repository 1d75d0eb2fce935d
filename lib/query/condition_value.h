// Values as conditions see them, read from MessagePack without a copy, and when two are equal
// (features.md 1.4): without coercion, whatever they are encoded in. Borrow their bytes; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "msgpack/reader.h"
#include "query/condition.h"

namespace topgun::query {

// Skipping or copying so many bytes costs about as much as looking at one element.
inline constexpr size_t kBytesPerStep = 256;

struct ConditionValue {
  enum class Kind : uint8_t {
    kNull,
    kBool,
    kNumber,
    kString,
    kArray,
    kMap,
    kRoles,  // of the caller
    kOther,  // binary, extensions; without bytes the caller as such, which equals nothing
  };

  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;
  std::string_view bytes;  // of a string its text, else the encoding
  const std::vector<std::string>* roles = nullptr;
};

ConditionValue StringValue(std::string_view text);
// Of one MessagePack value; null when there are no bytes.
ConditionValue ValueOf(std::string_view raw);

// The next element of a container. False at its end, or when the steps are used up.
bool ReadElement(msgpack::Reader& reader, std::string_view* raw, ConditionContext& context);
// The encoding of a map's field; empty when there is none, or it is no map. Of two the last.
std::string_view FieldOf(std::string_view map, std::string_view name, ConditionContext& context);
bool IsMap(std::string_view raw);

// Null equals nothing. Arrays are equal element by element, maps field by field in any order.
bool SameValue(const ConditionValue& left, const ConditionValue& right, ConditionContext& context);

}  // namespace topgun::query
