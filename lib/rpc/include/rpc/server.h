// A gRPC server with what every service of the cluster needs: health service, reflection, message
// limits, keepalive that accepts the pings of rpc::MakeChannel(), and RED metrics
// (grpc_server_started_total, grpc_server_handled_total, grpc_server_handling_seconds).
//
//   rpc::Server server({.listen = options.listen}, registry);
//   server.AddService(&service);
//   RETURN_IF_ERROR(server.Start());
//   server.SetServing(true);   // readiness: NOT_SERVING until then
//   ...
//   server.SetServing(false);
//   server.Shutdown(std::chrono::seconds(10));
//
// Owned by main; services and registry outlive it. Start and Shutdown are called from the owning
// thread, SetServing from any once it has started. Handlers run on gRPC's few shared threads: they
// never block.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "metrics/registry.h"
#include "rpc/credentials.h"
#include "tracing/recorder.h"

namespace topgun::rpc {

inline constexpr uint64_t kMessageBytesMax = uint64_t{64} << 20;

struct ServerOptions {
  std::string listen;            // host:port; port 0 takes any free one
  Credentials credentials = {};  // plain text by default
  uint64_t message_bytes_max = kMessageBytesMax;
  // Closes connections of this age, so that clients resolve again and find new replicas; streams
  // get 30 s to end. Zero: never.
  std::chrono::milliseconds connection_age_max{};
  // Gets a span of every call whose metadata has a sampled traceparent. Null: none.
  tracing::Recorder* spans = nullptr;
};

class Server {
 public:
  Server(ServerOptions options, metrics::Registry& registry);
  ~Server();  // cancels running calls if Shutdown() was not called
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void AddService(grpc::Service* service);  // before Start()
  Status Start();
  uint16_t port() const;  // the bound port, after Start()

  // What the health service answers, for the server as a whole and for each of its services.
  void SetServing(bool serving);

  // Refuses new calls, lets running ones finish until the deadline, then cancels them. Returns when
  // all are done. Idempotent.
  void Shutdown(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::rpc
