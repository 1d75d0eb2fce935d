#include "tracing/context.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "trimmed.h"

namespace topgun::tracing {
namespace {

constexpr size_t kTraceparentBytes = 55;  // of version 00; later ones begin with the same fields
constexpr size_t kMembersMax = 32;
constexpr size_t kKeyBytesMax = 256;
constexpr size_t kTenantBytesMax = 241;
constexpr size_t kSystemBytesMax = 14;
constexpr size_t kValueBytesMax = 256;

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// All of `digits`, which are at most 16. Capital letters are not allowed.
std::optional<uint64_t> ParseHex(std::string_view digits) {
  if (!std::all_of(digits.begin(), digits.end(), IsHex)) return std::nullopt;
  uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

void AppendHex(std::string& out, uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[number >> shift & 15]);
}

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsKeyPart(std::string_view part, size_t bytes_max, bool digit_first) {
  if (part.empty() || part.size() > bytes_max) return false;
  if (!IsLowerOrDigit(part[0]) || (!digit_first && part[0] >= '0' && part[0] <= '9')) return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return IsLowerOrDigit(c) || c == '_' || c == '-' || c == '*' || c == '/';
  });
}

// A name, or tenant@system.
bool IsKey(std::string_view key) {
  const size_t at = key.find('@');
  if (at == std::string_view::npos) return IsKeyPart(key, kKeyBytesMax, true);
  return IsKeyPart(key.substr(0, at), kTenantBytesMax, true) &&
         IsKeyPart(key.substr(at + 1), kSystemBytesMax, false);
}

bool IsValue(std::string_view value) {
  if (value.empty() || value.size() > kValueBytesMax || value.back() == ' ') return false;
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

bool IsTracestate(std::string_view list) {
  if (list.size() > kTracestateBytesMax) return false;
  std::set<std::string_view> keys;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view member = Trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (member.empty()) continue;  // allowed
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = member.substr(0, equals);
    if (!IsKey(key) || !IsValue(member.substr(equals + 1))) return false;
    if (!keys.insert(key).second || keys.size() > kMembersMax) return false;
  }
  return true;
}

}  // namespace

// version "-" trace-id "-" parent-id "-" flags
std::optional<Context> ParseContext(std::string_view traceparent, std::string_view tracestate) {
  if (traceparent.size() < kTraceparentBytes) return std::nullopt;
  for (const size_t dash : {2, 35, 52}) {
    if (traceparent[dash] != '-') return std::nullopt;
  }
  const auto version = ParseHex(traceparent.substr(0, 2));
  const auto high = ParseHex(traceparent.substr(3, 16));
  const auto low = ParseHex(traceparent.substr(19, 16));
  const auto span = ParseHex(traceparent.substr(36, 16));
  const auto flags = ParseHex(traceparent.substr(53, 2));
  if (!version || !high || !low || !span || !flags) return std::nullopt;
  if (*version == 0xff || (*high == 0 && *low == 0) || *span == 0) return std::nullopt;
  if (traceparent.size() > kTraceparentBytes &&
      (*version == 0 || traceparent[kTraceparentBytes] != '-')) {
    return std::nullopt;
  }
  Context context{.trace_high = *high,
                  .trace_low = *low,
                  .span = *span,
                  .sampled = (*flags & 1) != 0,
                  .state = {}};
  if (IsTracestate(tracestate)) context.state.assign(tracestate);
  return context;
}

std::string Traceparent(const Context& context) {
  std::string text = "00-";
  text.reserve(kTraceparentBytes);
  AppendHex(text, context.trace_high);
  AppendHex(text, context.trace_low);
  text.push_back('-');
  AppendHex(text, context.span);
  return text.append(context.sampled ? "-01" : "-00");
}

std::string TraceIdText(const Context& context) {
  std::string text;
  AppendHex(text, context.trace_high);
  AppendHex(text, context.trace_low);
  return text;
}

std::string SpanIdText(uint64_t span) {
  std::string text;
  AppendHex(text, span);
  return text;
}

}  // namespace topgun::tracing
