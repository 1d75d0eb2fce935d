// What the decoders of both directions share: finding the type, flat and wrapped messages, and
// "the last of several equal keys counts". Private to lib/wire.
//
// A message is described by three overloads next to its struct, found by argument:
//   Clear(fields)                    back to empty
//   ReadField(reader, key, fields)   consume the value of one field, or skip an unknown one
//   Complete(reader, fields)         all required fields came
#pragma once

#include <string_view>
#include <utility>

#include "frame_reader.h"

namespace topgun::wire {

template <typename Fields>
void Clear(Fields& fields) {
  fields = {};
}

template <typename Fields>
bool ReadPayload(FrameReader& reader, Fields& fields) {
  return reader.Map("payload",
                    [&](std::string_view key) { return ReadField(reader, key, fields); });
}

// Reads one message whose type is known.
class MessageReader {
 public:
  // In a frame with several different `type` keys the last one counts, so the first look stops
  // at one that differs from `type_name`; the second look ignores them all (empty name).
  MessageReader(std::string_view frame, std::string_view type_name)
      : reader_(frame), type_name_(type_name) {}

  // The fields stand next to `type`.
  template <typename Fields>
  bool Flat(Fields& fields) {
    Clear(fields);
    const bool read = reader_.Map([&](std::string_view key) {
      return Is(key, "type") ? SameType() : ReadField(reader_, key, fields);
    });
    return read && Complete(reader_, fields);
  }

  // The fields stand in `payload`.
  template <typename Fields>
  bool Wrapped(Fields& fields) {
    Clear(fields);
    const bool read = reader_.Map([&](std::string_view key) {
      if (Is(key, "type")) return SameType();
      if (!Is(key, "payload")) return reader_.Skip();
      Clear(fields);
      return reader_.Peek() == msgpack::Type::kNil ? reader_.Skip() : ReadPayload(reader_, fields);
    });
    return read && Complete(reader_, fields);
  }

  DecodeResult result() const {
    const DecodeResult result = reader_.result();
    if (result.ok() && !reader_.AtEnd()) return {DecodeError::kMalformed, {}};
    return result;
  }
  bool type_differs() const { return type_differs_; }

 private:
  bool SameType();

  FrameReader reader_;
  std::string_view type_name_;
  bool type_differs_ = false;
};

// The type, if it is the first key of the frame: what every known client and server sends.
std::string_view TypeInFront(std::string_view frame);

// The last `type` of the frame, wherever it stands.
DecodeResult FindType(std::string_view frame, std::string_view* name);

// Finds the type of `frame` among those that `accept(type)`, then lets `read(message, type)` read
// the rest. `read` may run twice, the second time from scratch.
template <typename Accept, typename Read>
DecodeResult DecodeMessage(std::string_view frame, Accept&& accept, Read&& read) {
  std::string_view name = TypeInFront(frame);
  std::optional<FrameType> type = FrameTypeOf(name);
  if (type && accept(*type)) {
    MessageReader message(frame, name);
    read(message, *type);
    if (!message.type_differs()) return message.result();
  }
  if (const DecodeResult found = FindType(frame, &name); !found.ok()) return found;
  type = FrameTypeOf(name);
  if (!type || !accept(*type)) return {DecodeError::kUnknownType, {}};
  MessageReader message(frame, {});
  read(message, *type);
  return message.result();
}

}  // namespace topgun::wire
