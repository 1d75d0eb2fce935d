#include "counter_fields.h"

namespace topgun::wire {

void Clear(CounterFields& fields) { *fields.frame = {}; }

bool ReadField(FrameReader& reader, std::string_view key, CounterFields& fields) {
  if (Is(key, "name")) return reader.Str("name", &fields.frame->name);
  if (fields.has_state && Is(key, "state")) {
    return reader.Raw("state", msgpack::Type::kMap, &fields.frame->state);
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const CounterFields& fields) {
  return reader.Require(fields.frame->name, "name") &&
         (!fields.has_state || reader.Require(fields.frame->state, "state"));
}

}  // namespace topgun::wire
