// W3C Trace Context: which trace a piece of work belongs to, and which span it is in.
// https://www.w3.org/TR/trace-context/. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::tracing {

inline constexpr std::string_view kTraceparent = "traceparent";  // names of the headers
inline constexpr std::string_view kTracestate = "tracestate";
inline constexpr size_t kTracestateBytesMax = 512;

struct Context {
  uint64_t trace_high = 0;  // the 16 bytes of the trace id; not both 0
  uint64_t trace_low = 0;
  uint64_t span = 0;  // not 0
  bool sampled = false;
  std::string state = {};  // tracestate, handed on as it came; may be empty

  friend bool operator==(const Context&, const Context&) = default;
};

// Nothing when `traceparent` is not valid: then `tracestate` does not count either. A `tracestate`
// that is not valid or too long is dropped alone.
std::optional<Context> ParseContext(std::string_view traceparent, std::string_view tracestate);

std::string Traceparent(const Context& context);
std::string TraceIdText(const Context& context);  // 32 lowercase hex digits
std::string SpanIdText(uint64_t span);            // 16 of them

}  // namespace topgun::tracing
