// How the frames of the journal are read; see message_decoder.h. Private to lib/wire.
#pragma once

#include <string_view>

#include "frame_reader.h"
#include "wire/journal.h"

namespace topgun::wire {

bool ReadField(FrameReader& reader, std::string_view key, JournalSubscribeFrame& frame);
bool Complete(FrameReader& reader, const JournalSubscribeFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, JournalUnsubscribeFrame& frame);
bool Complete(FrameReader& reader, const JournalUnsubscribeFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, JournalReadFrame& frame);
bool Complete(FrameReader& reader, const JournalReadFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, JournalEventFrame& frame);
bool Complete(FrameReader& reader, const JournalEventFrame& frame);

void Clear(JournalReadResponseFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, JournalReadResponseFrame& frame);
bool Complete(FrameReader& reader, const JournalReadResponseFrame& frame);

}  // namespace topgun::wire
