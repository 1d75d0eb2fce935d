// Who wrote an operation, in the forms the server sees and gives back.
//
// A query snapshot returns values without their timestamps, so every value carries the identity of
// the operation that wrote it (value_maker.h). OR records are recognised by their tag, the text
// form of their timestamp (core.md 4.2). The run id keeps runs against the same maps apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::loadgen {

inline constexpr uint32_t kRunIdMax = 0xffffff;  // six hex digits each in texts
inline constexpr uint32_t kWritersMax = 0xffffff;

struct OpIdentity {
  uint32_t run = 0;
  uint32_t writer = 0;
  uint64_t op_id = 0;

  friend bool operator==(const OpIdentity&, const OpIdentity&) = default;
};

// "0f3a9c-00002f": unique per connection, and of characters every client orders alike (core.md
// 3.2). Short enough for the small-string buffer: clock ticks copy it.
std::string NodeId(uint32_t run, uint32_t writer);

struct NodeIdentity {
  uint32_t run = 0;
  uint32_t writer = 0;
};
std::optional<NodeIdentity> ParseNodeId(std::string_view text);

// The tag of an OR record: the text of its timestamp (core.md 4.2).
struct TagIdentity {
  NodeIdentity node;
  int64_t millis = 0;
  int64_t counter = 0;
};
std::optional<TagIdentity> ParseTag(std::string_view text);

// `digits` lowercase hex digits at `out`.
void WriteHex(uint64_t value, size_t digits, char* out);
std::optional<uint64_t> ParseHex(std::string_view digits);

}  // namespace topgun::loadgen
