// The messages of topics (features.md 2): client_fields.h, server_fields.h and the encoders.
#include <string>
#include <string_view>

#include "absent_fields.h"
#include "client_fields.h"
#include "encode.h"
#include "record_reader.h"
#include "server_fields.h"
#include "wire/client_encode.h"
#include "wire/server_encode.h"

namespace topgun::wire {

using msgpack::Rendering;
using msgpack::Writer;
using Found = FrameReader::Found;

namespace {

void EncodeTopic(FrameType type, const TopicFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, type, 1);
  WriteStr(writer, "topic", frame.topic);
}

}  // namespace

bool ReadField(FrameReader& reader, std::string_view key, TopicFrame& frame) {
  if (Is(key, "topic")) return reader.Str("topic", &frame.topic);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const TopicFrame& frame) {
  return reader.Require(frame.topic, "topic");
}

bool ReadField(FrameReader& reader, std::string_view key, TopicPubFrame& frame) {
  if (Is(key, "topic")) return reader.Str("topic", &frame.topic);
  if (!Is(key, "data")) return reader.Skip();
  const Found found = reader.TryRaw(&frame.data, &frame.portable);
  if (found == Found::kNil) frame.data = kNil;
  return found != Found::kBroken;
}

bool Complete(FrameReader& reader, const TopicPubFrame& frame) {
  return reader.Require(frame.topic, "topic");
}

bool ReadField(FrameReader& reader, std::string_view key, TopicMessageFrame& frame) {
  if (Is(key, "topic")) return reader.Str("topic", &frame.topic);
  if (Is(key, "publisherId")) return reader.Str("publisherId", &frame.publisher_id);
  if (Is(key, "timestamp")) return ReadWhole(reader, "timestamp", &frame.timestamp);
  if (!Is(key, "data")) return reader.Skip();
  frame.data = {};
  return reader.TryRaw(&frame.data) != Found::kBroken;
}

bool Complete(FrameReader& reader, const TopicMessageFrame& frame) {
  return reader.Require(frame.topic, "topic");
}

void EncodeTopicSub(const TopicFrame& frame, std::string& out) {
  EncodeTopic(FrameType::kTopicSub, frame, out);
}

void EncodeTopicUnsub(const TopicFrame& frame, std::string& out) {
  EncodeTopic(FrameType::kTopicUnsub, frame, out);
}

void EncodeTopicPub(const TopicPubFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kTopicPub, frame.data.empty() ? 1 : 2);
  WriteStr(writer, "topic", frame.topic);
  if (frame.data.empty()) return;
  writer.Str("data");
  writer.Raw(frame.data);
}

void EncodeTopicMessage(const TopicMessageFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kTopicMessage, 3 + CountOf(frame.publisher_id));
  WriteStr(writer, "topic", frame.topic);
  writer.Str("data");
  WriteValue(writer, frame.data);
  WriteStr(writer, "publisherId", frame.publisher_id);
  WriteInt(writer, "timestamp", frame.timestamp);
}

}  // namespace topgun::wire
