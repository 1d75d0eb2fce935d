#include "otlp_json.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/build_info.h"
#include "base/json_string.h"

namespace topgun::tracing {
namespace {

constexpr int kStatusError = 2;

// Numbers of 64 bits are strings in JSON.
template <typename Number>
void AppendQuoted(std::string& out, Number number) {
  out.append("\"").append(std::to_string(number)).append("\"");
}

void AppendDouble(std::string& out, double number) {
  std::array<char, 32> digits;
  const double finite = std::isfinite(number) ? number : 0;
  out.append(digits.data(),
             std::to_chars(digits.data(), digits.data() + digits.size(), finite).ptr);
}

struct ValueAppender {
  std::string& out;

  void operator()(const std::string& text) const {
    out.append("\"stringValue\":");
    AppendJsonString(out, text);
  }
  void operator()(int64_t number) const {
    out.append("\"intValue\":");
    AppendQuoted(out, number);
  }
  void operator()(double number) const {
    out.append("\"doubleValue\":");
    AppendDouble(out, number);
  }
  void operator()(bool flag) const { out.append("\"boolValue\":").append(flag ? "true" : "false"); }
};

void AppendAttribute(std::string& out, std::string_view name, const Attribute::Value& value) {
  out.append("{\"key\":");
  AppendJsonString(out, name);
  out.append(",\"value\":{");
  std::visit(ValueAppender{out}, value);
  out.append("}}");
}

// Elements of a JSON array.
template <typename List, typename Append>
void AppendList(std::string& out, std::string_view name, const List& list, Append append) {
  out.append(",\"").append(name).append("\":[");
  bool first = true;
  for (const auto& element : list) {
    if (!first) out.push_back(',');
    first = false;
    append(element);
  }
  out.push_back(']');
}

void AppendIds(std::string& out, const Context& context) {
  out.append("\"traceId\":\"").append(TraceIdText(context)).append("\",\"spanId\":\"");
  out.append(SpanIdText(context.span)).append("\"");
  if (context.state.empty()) return;
  out.append(",\"traceState\":");
  AppendJsonString(out, context.state);
}

void AppendTime(std::string& out, std::string_view name, Time time,
                std::chrono::nanoseconds wall_minus_steady) {
  const std::chrono::nanoseconds since_boot = time.time_since_epoch();
  out.append(",\"").append(name).append("\":");
  AppendQuoted(out, (since_boot + wall_minus_steady).count());
}

void AppendSpan(std::string& out, const Span& span, std::chrono::nanoseconds wall_minus_steady) {
  out.push_back('{');
  AppendIds(out, span.context);
  if (span.parent != 0) {
    out.append(",\"parentSpanId\":\"").append(SpanIdText(span.parent)).append("\"");
  }
  out.append(",\"name\":");
  AppendJsonString(out, span.name);
  out.append(",\"kind\":").append(std::to_string(static_cast<int>(span.kind)));
  AppendTime(out, "startTimeUnixNano", span.start, wall_minus_steady);
  AppendTime(out, "endTimeUnixNano", std::max(span.start, span.end), wall_minus_steady);
  AppendList(out, "attributes", span.attributes, [&](const Attribute& attribute) {
    AppendAttribute(out, attribute.name, attribute.value);
  });
  if (!span.links.empty()) {
    AppendList(out, "links", span.links, [&](const Context& link) {
      out.push_back('{');
      AppendIds(out, link);
      out.push_back('}');
    });
  }
  if (!span.error.empty()) {
    out.append(",\"status\":{\"code\":").append(std::to_string(kStatusError));
    out.append(",\"message\":");
    AppendJsonString(out, span.error);
    out.push_back('}');
  }
  out.push_back('}');
}

}  // namespace

std::string EncodeSpans(const Resource& resource, std::span<const Span> spans,
                        std::chrono::nanoseconds wall_minus_steady) {
  constexpr size_t kBytesPerSpan = 768;  // about
  std::string out;
  out.reserve(512 + spans.size() * kBytesPerSpan);
  const std::string version(Version());
  const std::array<Attribute, 3> attributes = {
      Attribute("service.name", resource.service),
      Attribute("service.instance.id", resource.instance),
      Attribute("service.version", version),
  };
  out.append("{\"resourceSpans\":[{\"resource\":{\"droppedAttributesCount\":0");
  AppendList(out, "attributes", attributes, [&](const Attribute& attribute) {
    AppendAttribute(out, attribute.name, attribute.value);
  });
  out.append("},\"scopeSpans\":[{\"scope\":{\"name\":\"topgun\",\"version\":");
  AppendJsonString(out, version);
  out.append("}");
  AppendList(out, "spans", spans,
             [&](const Span& span) { AppendSpan(out, span, wall_minus_steady); });
  return out.append("}]}]}");
}

std::optional<uint64_t> RejectedSpans(std::string_view answer) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse({answer.data(), answer.size()}, error);
  if (error || !parsed.is_object()) return std::nullopt;
  const boost::json::value* const partial = parsed.as_object().if_contains("partialSuccess");
  if (partial == nullptr || !partial->is_object()) return std::nullopt;
  const boost::json::value* const rejected = partial->as_object().if_contains("rejectedSpans");
  if (rejected == nullptr) return std::nullopt;
  if (rejected->is_int64() && rejected->as_int64() >= 0) {
    return static_cast<uint64_t>(rejected->as_int64());
  }
  if (!rejected->is_string()) return std::nullopt;
  const std::string_view text(rejected->as_string().data(), rejected->as_string().size());
  uint64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return count;
}

}  // namespace topgun::tracing
