// How the messages of PN counters are read, those of clients and those of servers; see
// message_decoder.h. Private to lib/wire.
#pragma once

#include <string_view>

#include "frame_reader.h"
#include "wire/client_frame.h"

namespace topgun::wire {

struct CounterFields {
  CounterFrame* frame;
  bool has_state;  // as its type must
};

void Clear(CounterFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, CounterFields& fields);
bool Complete(FrameReader& reader, const CounterFields& fields);

}  // namespace topgun::wire
