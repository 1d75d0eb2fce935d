// How the messages of locks are read, of both directions; see message_decoder.h. Private to
// lib/wire.
#pragma once

#include <string_view>

#include "frame_reader.h"
#include "wire/client_frame.h"
#include "wire/server_frame.h"

namespace topgun::wire {

bool ReadField(FrameReader& reader, std::string_view key, LockRequestFrame& frame);
bool Complete(FrameReader& reader, const LockRequestFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, LockReleaseFrame& frame);
bool Complete(FrameReader& reader, const LockReleaseFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, LockGrantedFrame& frame);
bool Complete(FrameReader& reader, const LockGrantedFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, LockReleasedFrame& frame);
bool Complete(FrameReader& reader, const LockReleasedFrame& frame);

}  // namespace topgun::wire
