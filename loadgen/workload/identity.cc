#include "workload/identity.h"

#include <charconv>

namespace topgun::loadgen {
namespace {

constexpr size_t kPartDigits = 6;

}  // namespace

void WriteHex(uint64_t value, size_t digits, char* out) {
  for (size_t i = digits; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 0xf];
}

std::optional<uint64_t> ParseHex(std::string_view digits) {
  uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [parsed, error] = std::from_chars(digits.data(), end, value, 16);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return value;
}

std::string NodeId(uint32_t run, uint32_t writer) {
  std::string id(2 * kPartDigits + 1, '-');
  WriteHex(run, kPartDigits, id.data());
  WriteHex(writer, kPartDigits, id.data() + kPartDigits + 1);
  return id;
}

std::optional<NodeIdentity> ParseNodeId(std::string_view text) {
  if (text.size() != 2 * kPartDigits + 1 || text[kPartDigits] != '-') return std::nullopt;
  const auto run = ParseHex(text.substr(0, kPartDigits));
  const auto writer = ParseHex(text.substr(kPartDigits + 1));
  if (!run || !writer) return std::nullopt;
  return NodeIdentity{static_cast<uint32_t>(*run), static_cast<uint32_t>(*writer)};
}

std::optional<TagIdentity> ParseTag(std::string_view text) {
  TagIdentity tag;
  const char* const end = text.data() + text.size();
  const auto millis = std::from_chars(text.data(), end, tag.millis);
  if (millis.ec != std::errc() || millis.ptr == end || *millis.ptr != ':') return std::nullopt;
  const auto counter = std::from_chars(millis.ptr + 1, end, tag.counter);
  if (counter.ec != std::errc() || counter.ptr == end || *counter.ptr != ':') return std::nullopt;
  const auto node = ParseNodeId({counter.ptr + 1, static_cast<size_t>(end - counter.ptr - 1)});
  if (!node) return std::nullopt;
  tag.node = *node;
  return tag;
}

}  // namespace topgun::loadgen
