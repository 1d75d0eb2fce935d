// The agent's side of distributed runs: takes one run at a time from a coordinator, drives its
// share and reports. Handlers block; the server gives each its own thread.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "topgun/loadgen/v1/loadgen.grpc.pb.h"

namespace topgun::loadgen {

class AgentService final : public v1::Agent::Service {
 public:
  using Stream = grpc::ServerReaderWriter<v1::RunEvent, v1::RunRequest>;

  // `on_run_ended` is called after every run, on the thread of its call.
  explicit AgentService(std::function<void()> on_run_ended = [] {})
      : on_run_ended_(std::move(on_run_ended)) {}

  grpc::Status Run(grpc::ServerContext* context, Stream* stream) override;

  // Ends a run that is going on, with its report.
  void Interrupt() { interrupted_ = true; }

 private:
  grpc::Status RunOnce(grpc::ServerContext* context, Stream* stream);

  const std::function<void()> on_run_ended_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> interrupted_{false};
};

}  // namespace topgun::loadgen
