// The agent's side of distributed runs: serves one coordinator at a time, takes its runs one after
// the other, drives its share of each and reports. Handlers block; the server gives each its own
// thread.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "topgun/loadgen/v1/loadgen.grpc.pb.h"

namespace topgun::loadgen {

class AgentService final : public v1::Agent::Service {
 public:
  using Stream = grpc::ServerReaderWriter<v1::RunEvent, v1::RunRequest>;

  // `on_served` is called when a coordinator has no more runs, on the thread of its call.
  explicit AgentService(std::function<void()> on_served = [] {})
      : on_served_(std::move(on_served)) {}

  grpc::Status Run(grpc::ServerContext* context, Stream* stream) override;

  // Ends a run that is going on, with its report, and begins no other one.
  void Interrupt() {
    ending_ = true;
    interrupted_ = true;
  }

 private:
  grpc::Status Serve(grpc::ServerContext* context, Stream* stream);

  const std::function<void()> on_served_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> ending_{false};
  std::atomic<bool> interrupted_{false};
};

}  // namespace topgun::loadgen
