#include "http/http_probe.h"

namespace topgun::gateway {
namespace {

const std::string kRequests = "gateway_http_requests_total";
const std::string kRequestsHelp = "HTTP requests answered, by route and status.";

}  // namespace

HttpProbe::HttpProbe(metrics::Registry& registry, size_t loop)
    : registry_(registry),
      in_flight_(registry.AddGauge("gateway_http_in_flight",
                                   "HTTP requests whose answer is being worked out.")),
      seconds_(registry.AddHistogram("gateway_http_request_seconds",
                                     "From reading an HTTP request whole to its answer.",
                                     metrics::kLatencySeconds, {{"loop", std::to_string(loop)}})) {
  ReadsWaiting(registry);
  // The series come with the first request of their kind.
  registry.Declare({.name = kRequests,
                    .type = metrics::Type::kCounter,
                    .help = kRequestsHelp,
                    .labels = {{"route", {}}, {"code", {}}}});
}

prometheus::Gauge& HttpProbe::ReadsWaiting(metrics::Registry& registry) {
  return registry.AddGauge("gateway_http_reads_waiting",
                           "Reads of POST /sync that wait for others to end.");
}

void HttpProbe::Answered(const std::string& route, int code, double seconds) {
  Count(route, code);
  seconds_.Observe(seconds);
}

void HttpProbe::Refused(int code) { Count("unread", code); }

void HttpProbe::Count(const std::string& route, int code) {
  prometheus::Counter*& counter = requests_[{route, code}];
  if (counter == nullptr) {
    counter = &registry_.AddCounter(kRequests, kRequestsHelp,
                                    {{"route", route}, {"code", std::to_string(code)}});
  }
  counter->Increment();
}

}  // namespace topgun::gateway
