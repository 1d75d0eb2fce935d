#include "crdt/timestamp.h"

#include <charconv>

namespace topgun::crdt {
namespace {

// Takes "<digits>:" off the front.
bool TakeNumber(std::string_view* text, int64_t* value) {
  const size_t colon = text->find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const char* const end = text->data() + colon;
  // from_chars would accept a minus sign.
  if (text->front() < '0' || text->front() > '9') return false;
  const auto [stop, error] = std::from_chars(text->data(), end, *value);
  if (error != std::errc() || stop != end) return false;
  text->remove_prefix(colon + 1);
  return true;
}

}  // namespace

std::string ToString(const TimestampView& timestamp) {
  std::string text = std::to_string(timestamp.millis);
  text.append(":").append(std::to_string(timestamp.counter)).append(":");
  text.append(timestamp.node_id);
  return text;
}

StatusOr<Timestamp> ParseTimestamp(std::string_view text) {
  Timestamp timestamp;
  std::string_view rest = text;
  if (!TakeNumber(&rest, &timestamp.millis) || !TakeNumber(&rest, &timestamp.counter) ||
      rest.empty() || rest.find(':') != std::string_view::npos) {
    return InvalidArgument("timestamp is not <millis>:<counter>:<nodeId>");
  }
  timestamp.node_id = rest;
  return timestamp;
}

}  // namespace topgun::crdt
