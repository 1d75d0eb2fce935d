#include "support/span_collector.h"

#include <boost/json.hpp>

#include "support/wait.h"

namespace topgun::support {
namespace {

namespace json = boost::json;

std::string Text(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return {value->as_string().data(), value->as_string().size()};
}

// The value of an attribute, whatever its type is.
std::string ValueText(const json::object& attribute) {
  const json::value& only = attribute.at("value").as_object().begin()->value();
  return only.is_string() ? std::string(only.as_string().data(), only.as_string().size())
                          : json::serialize(only);
}

CollectedSpan SpanOf(const json::object& object, const std::string& service) {
  CollectedSpan span{.service = service,
                     .name = Text(object, "name"),
                     .trace = Text(object, "traceId"),
                     .span = Text(object, "spanId"),
                     .parent = Text(object, "parentSpanId"),
                     .kind = static_cast<int>(object.at("kind").as_int64()),
                     .error = {},
                     .links = {},
                     .attributes = {}};
  if (const json::value* const status = object.if_contains("status")) {
    span.error = Text(status->as_object(), "message");
  }
  if (const json::value* const links = object.if_contains("links")) {
    for (const json::value& link : links->as_array()) {
      span.links.push_back(Text(link.as_object(), "spanId"));
    }
  }
  for (const json::value& attribute : object.at("attributes").as_array()) {
    span.attributes[Text(attribute.as_object(), "key")] = ValueText(attribute.as_object());
  }
  return span;
}

}  // namespace

std::vector<CollectedSpan> ParseSpans(const std::string& body) {
  std::vector<CollectedSpan> spans;
  boost::system::error_code error;
  const json::value parsed = json::parse(body, error);
  if (error) return spans;
  for (const json::value& resource : parsed.at("resourceSpans").as_array()) {
    std::string service;
    for (const json::value& each : resource.at("resource").at("attributes").as_array()) {
      const json::object& attribute = each.as_object();
      if (Text(attribute, "key") == "service.name") service = ValueText(attribute);
    }
    for (const json::value& scope : resource.at("scopeSpans").as_array()) {
      for (const json::value& span : scope.at("spans").as_array()) {
        spans.push_back(SpanOf(span.as_object(), service));
      }
    }
  }
  return spans;
}

SpanCollector::SpanCollector() : server_([](const ServerRequest&) { return ServerAnswer(); }) {}

tracing::Options SpanCollector::options() const {
  tracing::Options options;
  options.endpoint = "http://127.0.0.1:" + std::to_string(server_.port());
  return options;
}

tracing::ExportLimits SpanCollector::limits() {
  return {.delay = std::chrono::milliseconds(10), .flush = std::chrono::seconds(20)};
}

std::vector<CollectedSpan> SpanCollector::WaitFor(size_t count) const {
  std::vector<CollectedSpan> spans;
  WaitUntil([&] {
    spans.clear();
    for (const ServerRequest& request : server_.requests()) {
      for (CollectedSpan& span : ParseSpans(request.body)) spans.push_back(std::move(span));
    }
    return spans.size() >= count;
  });
  return spans;
}

CollectedSpan SpanCollector::Find(const std::vector<CollectedSpan>& spans,
                                  const std::string& name) {
  for (const CollectedSpan& span : spans) {
    if (span.name == name) return span;
  }
  return {};
}

}  // namespace topgun::support
