// Spans as the body of an OTLP/HTTP request in its JSON encoding. Private to this library.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tracing/recorder.h"
#include "tracing/span.h"

namespace topgun::tracing {

// `wall_minus_steady` makes the spans' times those of the wall clock.
std::string EncodeSpans(const Resource& resource, std::span<const Span> spans,
                        std::chrono::nanoseconds wall_minus_steady);

// How many spans the collector has refused, by its answer to a request that succeeded; nothing when
// it does not say.
std::optional<uint64_t> RejectedSpans(std::string_view answer);

}  // namespace topgun::tracing
