// An OTLP collector in the test's process: takes spans over HTTP and keeps them. Any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/http_server.h"
#include "tracing/recorder.h"

namespace topgun::support {

struct CollectedSpan {
  std::string service;
  std::string name;
  std::string trace;  // hex, as all ids
  std::string span;
  std::string parent;  // empty: none
  int kind = 0;
  std::string error;
  std::vector<std::string> links;                 // ids of spans
  std::map<std::string, std::string> attributes;  // values as JSON has them
};

class SpanCollector {
 public:
  SpanCollector();

  // For a Recorder that exports to here, soon.
  tracing::Options options() const;
  static tracing::ExportLimits limits();

  // Waits until `count` spans have come, or some patience has ended; all that have come.
  std::vector<CollectedSpan> WaitFor(size_t count) const;
  // The first of that name; without any, an empty one.
  static CollectedSpan Find(const std::vector<CollectedSpan>& spans, const std::string& name);

 private:
  HttpServer server_;
};

// Of one request's body; nothing when it is malformed.
std::vector<CollectedSpan> ParseSpans(const std::string& body);

}  // namespace topgun::support
