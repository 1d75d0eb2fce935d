// Requests of features that this server lacks, and what it answers (features.md 0.4, 3 to 9): where
// the client waits for an answer that has room for an error, that answer, so that the client need
// not wait until it gives up; else nothing, and the caller sends ERROR 501.
//
// Messages that have no answer are no types here; they are dropped as unknown: QUERY_SYNC_INIT,
// HYBRID_QUERY_SUBSCRIBE and _UNSUBSCRIBE, and HYBRID_SEARCH_UNSUB. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wire/frame_type.h"

namespace topgun::wire {

// Keys of an ENTRY_PROCESS_BATCH that are answered one by one.
inline constexpr size_t kFeatureKeysMax = 1'000;

// Borrows from the frame's bytes.
struct FeatureFrame {
  std::string_view id;  // that the answer names, whatever the message calls it; empty: none
  std::vector<std::string_view> keys;  // of an ENTRY_PROCESS_BATCH
  bool too_many_keys = false;
};

// The word of "not implemented: <service>".
std::string_view ServiceOf(FrameType type);

// False when the message has no answer of its own.
bool EncodeFeatureAnswer(FrameType type, const FeatureFrame& frame, std::string& out);

}  // namespace topgun::wire
