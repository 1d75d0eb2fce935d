#include "rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/server_initializer.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "call_metrics.h"
#include "connection_rules.h"
#include "grpc_setup.h"

namespace topgun::rpc {
namespace {

using OnService = std::function<void(const std::string& full_name)>;

// Learns the names of the registered services from the server that is being built: grpc::Service
// does not tell its name.
class ServiceNames final : public grpc::ServerBuilderPlugin {
 public:
  explicit ServiceNames(OnService on_service) : on_service_(std::move(on_service)) {}

  std::string name() override { return "topgun_service_names"; }
  // Called after the services are registered and before the server starts.
  void InitServer(grpc::ServerInitializer* initializer) override {
    for (const std::string& service : *initializer->GetServiceList()) on_service_(service);
  }
  void Finish(grpc::ServerInitializer*) override {}
  void ChangeArguments(const std::string&, void*) override {}

 private:
  const OnService on_service_;
};

class ServiceNamesOption final : public grpc::ServerBuilderOption {
 public:
  explicit ServiceNamesOption(OnService on_service) : on_service_(std::move(on_service)) {}

  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<ServiceNames>(on_service_));
  }

 private:
  const OnService on_service_;
};

// gRPC keeps these as process-wide switches.
void EnableHealthAndReflection() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void ApplyConnectionRules(grpc::ServerBuilder& builder, const ServerOptions& options) {
  builder.SetMaxReceiveMessageSize(ToInt(options.message_bytes_max));
  builder.SetMaxSendMessageSize(ToInt(options.message_bytes_max));
  // Two processes on one port would each get half of the calls, silently.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, ToInt(kPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ToInt(kPingTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // any number
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             ToInt(kPingIntervalAllowed));
  if (options.connection_age_max.count() > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, ToInt(options.connection_age_max));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, ToInt(kConnectionAgeGrace));
  }
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions given, metrics::Registry& registry)
      : options(std::move(given)), metrics(std::make_shared<CallMetrics>(registry)) {}

  const ServerOptions options;
  const std::shared_ptr<CallMetrics> metrics;
  std::vector<grpc::Service*> services;
  std::vector<std::string> service_names;  // of those, once they are registered
  std::mutex mutex;                        // of `server`, between SetServing() and Shutdown()
  std::unique_ptr<grpc::Server> server;    // after Start()
  int port = 0;
};

Server::Server(ServerOptions options, metrics::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), registry)) {}

Server::~Server() { Shutdown(std::chrono::milliseconds(0)); }

void Server::AddService(grpc::Service* service) { impl_->services.push_back(service); }

Status Server::Start() {
  SetUpGrpc();
  EnableHealthAndReflection();
  grpc::ServerBuilder builder;
  const auto& credentials = impl_->options.credentials.server;
  builder.AddListeningPort(impl_->options.listen,
                           credentials ? credentials : grpc::InsecureServerCredentials(),
                           &impl_->port);
  ApplyConnectionRules(builder, impl_->options);
  for (grpc::Service* service : impl_->services) builder.RegisterService(service);
  builder.SetOption(std::make_unique<ServiceNamesOption>([this](const std::string& name) {
    if (name.starts_with("grpc.")) return;  // health and reflection
    impl_->metrics->AddService(name);
    impl_->service_names.push_back(name);
  }));
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(MakeCallInterceptors(impl_->metrics, impl_->options.spans));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  impl_->server = builder.BuildAndStart();
  if (!impl_->server) {
    return Unavailable("gRPC server: cannot listen on " + impl_->options.listen);
  }
  SetServing(false);
  return OkStatus();
}

uint16_t Server::port() const { return static_cast<uint16_t>(impl_->port); }

void Server::SetServing(bool serving) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->server) return;
  auto* const health = impl_->server->GetHealthCheckService();
  for (const std::string& name : impl_->service_names) health->SetServingStatus(name, serving);
  health->SetServingStatus(serving);
}

void Server::Shutdown(std::chrono::milliseconds deadline) {
  if (!impl_->server) return;
  impl_->server->Shutdown(std::chrono::system_clock::now() + deadline);
  impl_->server->Wait();
  const std::lock_guard lock(impl_->mutex);
  impl_->server.reset();
}

}  // namespace topgun::rpc
