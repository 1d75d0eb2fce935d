// The frames of the event journal and their encoders (features.md 6); all are flat. Like the
// structs of client_frame.h and server_frame.h these borrow from whatever they were filled from.
// Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/timestamp.h"

namespace topgun::wire {

// Bits of a filter.
enum class JournalType : uint8_t { kPut = 1, kUpdate = 2, kDelete = 4 };

std::string_view Name(JournalType type);
std::optional<JournalType> JournalTypeOf(std::string_view name);

struct JournalSubscribeFrame {
  std::string_view request_id;  // by which the subscription ends
  std::optional<std::string_view> from_sequence;
  std::optional<std::string_view> map;
  uint8_t types = 0;  // of JournalType; 0: no filter
};

struct JournalUnsubscribeFrame {
  std::string_view subscription_id;
};

struct JournalReadFrame {
  std::string_view request_id;
  std::string_view from_sequence;
  std::optional<uint32_t> limit;
  std::optional<std::string_view> map;
};

struct JournalEventFrame {
  std::string_view sequence;
  JournalType type = JournalType::kPut;
  std::string_view map;
  std::string_view key;
  std::string_view value;  // MessagePack; empty: absent
  crdt::TimestampView timestamp;
};

struct JournalReadResponseFrame {
  std::string_view request_id;
  std::vector<JournalEventFrame> events;
  bool has_more = false;
};

// For servers, see server_encode.h.
void EncodeJournalEvent(const JournalEventFrame& frame, std::string& out);
void EncodeJournalReadResponse(const JournalReadResponseFrame& frame, std::string& out);

// For clients, see client_encode.h.
void EncodeJournalSubscribe(const JournalSubscribeFrame& frame, std::string& out);
void EncodeJournalUnsubscribe(const JournalUnsubscribeFrame& frame, std::string& out);
void EncodeJournalRead(const JournalReadFrame& frame, std::string& out);

}  // namespace topgun::wire
