// RED metrics of the calls a server handles, under the established names, so that common dashboards
// work. Private to this library.
//
// Every series of every registered method exists from the start: rates begin at zero and a client
// cannot create one. The services of gRPC itself (health, reflection) are left out: probes would
// drown the rest.
#pragma once

#include <grpcpp/support/server_interceptor.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "metrics/registry.h"
#include "tracing/recorder.h"

namespace topgun::rpc {

struct MethodMetrics {
  prometheus::Counter* started = nullptr;
  std::array<prometheus::Counter*, 17> handled{};  // by grpc::StatusCode
  prometheus::Histogram* seconds = nullptr;
};

// Filled while the server is built, then only read: no lock.
class CallMetrics {
 public:
  explicit CallMetrics(metrics::Registry& registry);

  // Adds the methods of a service by its full name, as its descriptor has them.
  void AddService(const std::string& full_name);

  // `path` is /package.Service/Method. Null for a method that was not added.
  const MethodMetrics* Find(std::string_view path) const;

 private:
  void AddMethod(const std::string& service, const std::string& method);

  metrics::Registry& registry_;
  std::map<std::string, MethodMetrics, std::less<>> methods_;
};

// `spans` gets those of traced calls; null: none are made.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeCallInterceptors(
    std::shared_ptr<const CallMetrics> metrics, tracing::Recorder* spans);

}  // namespace topgun::rpc
