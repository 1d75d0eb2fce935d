#include "call_metrics.h"

#include <google/protobuf/descriptor.h>

#include <chrono>
#include <cstddef>
#include <utility>

#include "call_span.h"

namespace topgun::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;

struct FamilyText {
  const char* name;
  const char* help;
};
constexpr FamilyText kStarted = {"grpc_server_started_total", "Calls that have begun."};
constexpr FamilyText kHandled = {"grpc_server_handled_total", "Calls that have ended, by status."};
constexpr FamilyText kSeconds = {"grpc_server_handling_seconds",
                                 "Time from the arrival of a call to its status."};

constexpr std::array<const char*, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// Lives as long as one call.
class CallInterceptor final : public grpc::experimental::Interceptor {
 public:
  CallInterceptor(const MethodMetrics& method, std::string_view path, tracing::Recorder* spans)
      : method_(method), path_(path), spans_(spans) {
    method_.started->Increment();
  }
  // A call whose client went away ends without a status.
  ~CallInterceptor() override {
    if (!ended_) End(grpc::StatusCode::CANCELLED);
  }

  void Intercept(InterceptorBatchMethods* batch) override {
    if (spans_ != nullptr &&
        batch->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      span_ = CallSpan::Begin(*spans_, path_, *batch->GetRecvInitialMetadata(), start_);
    }
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      End(batch->GetSendStatus().error_code());
    }
    batch->Proceed();
  }

 private:
  void End(grpc::StatusCode code) {
    ended_ = true;
    // A handler may send any number as its code; gRPC has names for these only.
    const bool named = code >= 0 && static_cast<size_t>(code) < kCodeNames.size();
    method_.handled[static_cast<size_t>(named ? code : grpc::StatusCode::UNKNOWN)]->Increment();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
    method_.seconds->Observe(took.count());
    if (span_ != nullptr) span_->End(code);
  }

  const MethodMetrics& method_;
  const std::string_view path_;     // the call's
  tracing::Recorder* const spans_;  // null: no spans are made
  std::unique_ptr<CallSpan> span_;  // null: not traced
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool ended_ = false;
};

class CallInterceptorFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  CallInterceptorFactory(std::shared_ptr<const CallMetrics> metrics, tracing::Recorder* spans)
      : metrics_(std::move(metrics)), spans_(spans) {}

  // The caller takes ownership.
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* call) override {
    const char* const path = call->method();
    const MethodMetrics* const method = path == nullptr ? nullptr : metrics_->Find(path);
    return method == nullptr ? nullptr : new CallInterceptor(*method, path, spans_);
  }

 private:
  const std::shared_ptr<const CallMetrics> metrics_;
  tracing::Recorder* const spans_;
};

}  // namespace

CallMetrics::CallMetrics(metrics::Registry& registry) : registry_(registry) {
  using metrics::Type;
  registry.Declare({.name = kStarted.name,
                    .type = Type::kCounter,
                    .help = kStarted.help,
                    .labels = {{"grpc_service", {}}, {"grpc_method", {}}}});
  registry.Declare({.name = kHandled.name,
                    .type = Type::kCounter,
                    .help = kHandled.help,
                    .labels = {{"grpc_service", {}}, {"grpc_method", {}}, {"grpc_code", {}}}});
  registry.Declare({.name = kSeconds.name,
                    .type = Type::kHistogram,
                    .help = kSeconds.help,
                    .labels = {{"grpc_service", {}}, {"grpc_method", {}}}});
}

void CallMetrics::AddService(const std::string& full_name) {
  if (full_name.starts_with("grpc.")) return;
  const auto* const service =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(full_name);
  if (service == nullptr) return;
  for (int i = 0; i < service->method_count(); ++i) {
    AddMethod(full_name, service->method(i)->name());
  }
}

void CallMetrics::AddMethod(const std::string& service, const std::string& method) {
  metrics::Labels labels = {{"grpc_service", service}, {"grpc_method", method}};
  MethodMetrics added;
  added.started = &registry_.AddCounter(kStarted.name, kStarted.help, labels);
  added.seconds =
      &registry_.AddHistogram(kSeconds.name, kSeconds.help, metrics::kLatencySeconds, labels);
  for (size_t code = 0; code < kCodeNames.size(); ++code) {
    labels["grpc_code"] = kCodeNames[code];
    added.handled[code] = &registry_.AddCounter(kHandled.name, kHandled.help, labels);
  }
  methods_.emplace("/" + service + "/" + method, added);
}

const MethodMetrics* CallMetrics::Find(std::string_view path) const {
  const auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeCallInterceptors(
    std::shared_ptr<const CallMetrics> metrics, tracing::Recorder* spans) {
  const bool traced = spans != nullptr && spans->enabled();
  return std::make_unique<CallInterceptorFactory>(std::move(metrics), traced ? spans : nullptr);
}

}  // namespace topgun::rpc
