// The coordinator's connection to one agent: one call, in which one run follows the other. A thread
// reads what the agent says into a mailbox that the coordinator's thread empties; the methods are
// for that thread.
#pragma once

#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "report/run_report.h"
#include "rpc/credentials.h"
#include "stats/interval.h"
#include "topgun/loadgen/v1/loadgen.grpc.pb.h"

namespace topgun::loadgen {

class AgentLink {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What the agent has said of the run by now.
  struct News {
    std::vector<Interval> intervals;  // since the last look
    bool connected = false;
    std::optional<RunReport> finished;
    Status failure;  // the call ended without a report: why
    Time heard;      // when it last said something, or was last told to do something
  };

  AgentLink(std::string address, rpc::Credentials credentials);
  // Abandons a run that is going on; otherwise waits a moment for the agent to be free again.
  ~AgentLink();
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;

  const std::string& address() const { return address_; }

  // Hands over the share of the next run. The first time it waits for the agent, until the deadline
  // or an interrupt. Not while a run is going on.
  Status Prepare(const v1::Prepare& prepare, Time deadline, const std::atomic<bool>& interrupted);
  void Start();
  void Stop();
  News Look();

 private:
  Status Connect(Time deadline, const std::atomic<bool>& interrupted);
  void Read();
  void Hear(const v1::RunEvent& event);
  void Write(const v1::RunRequest& request);
  void Close();

  const std::string address_;
  const rpc::Credentials credentials_;
  std::unique_ptr<v1::Agent::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::RunRequest, v1::RunEvent>> stream_;
  std::mutex write_mutex_;
  bool may_write_ = false;  // gRPC aborts on writing after the last one
  std::mutex news_mutex_;
  std::condition_variable ended_changed_;
  bool running_ = false;  // prepared, and not finished
  bool ended_ = false;    // the call has
  News news_;
  std::thread reader_;
};

}  // namespace topgun::loadgen
