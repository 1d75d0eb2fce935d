// How each server message is read; see message_decoder.h. Our own servers always send complete
// messages, so only the fields a reader cannot do without are required. Private to lib/wire.
#pragma once

#include <optional>
#include <string_view>

#include "frame_reader.h"
#include "record_reader.h"
#include "wire/server_frame.h"

namespace topgun::wire {

struct AuthRequiredFields {};
bool ReadField(FrameReader& reader, std::string_view key, AuthRequiredFields& fields);
inline bool Complete(FrameReader&, const AuthRequiredFields&) { return true; }

bool ReadField(FrameReader& reader, std::string_view key, AuthAckFrame& frame);
inline bool Complete(FrameReader&, const AuthAckFrame&) { return true; }

bool ReadField(FrameReader& reader, std::string_view key, AuthFailFrame& frame);
inline bool Complete(FrameReader&, const AuthFailFrame&) { return true; }

bool ReadField(FrameReader& reader, std::string_view key, PongFrame& frame);
inline bool Complete(FrameReader&, const PongFrame&) { return true; }

bool ReadField(FrameReader& reader, std::string_view key, ErrorFrame& frame);
bool Complete(FrameReader& reader, const ErrorFrame& frame);

void Clear(OpAckFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, OpAckFrame& frame);
bool Complete(FrameReader& reader, const OpAckFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, OpRejectedFrame& frame);
bool Complete(FrameReader& reader, const OpRejectedFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, EventView& event);
bool Complete(FrameReader& reader, const EventView& event);

void Clear(QueryRespFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, QueryRespFrame& frame);
bool Complete(FrameReader& reader, const QueryRespFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, QueryUpdateFrame& frame);
bool Complete(FrameReader& reader, const QueryUpdateFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, SyncRootFrame& frame);
bool Complete(FrameReader& reader, const SyncRootFrame& frame);

void Clear(SyncBucketsFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, SyncBucketsFrame& frame);
bool Complete(FrameReader& reader, const SyncBucketsFrame& frame);

void Clear(SyncLeafFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, SyncLeafFrame& frame);
bool Complete(FrameReader& reader, const SyncLeafFrame& frame);

void Clear(OrMapLeafFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, OrMapLeafFrame& frame);
bool Complete(FrameReader& reader, const OrMapLeafFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, SyncResetRequiredFrame& frame);
bool Complete(FrameReader& reader, const SyncResetRequiredFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, TopicMessageFrame& frame);
bool Complete(FrameReader& reader, const TopicMessageFrame& frame);

void Clear(PartitionMapFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, PartitionMapFrame& frame);
inline bool Complete(FrameReader&, const PartitionMapFrame&) { return true; }

}  // namespace topgun::wire
