// The coordinator's connection to one agent. A thread reads what the agent says into a mailbox that
// the coordinator's thread empties; the methods are for that thread.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
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
  // What the agent has said by now.
  struct News {
    std::vector<Interval> intervals;  // since the last look
    bool connected = false;
    std::optional<RunReport> finished;
    Status failure;  // the call ended without a report: why
  };

  AgentLink(std::string address, rpc::Credentials credentials);
  ~AgentLink();  // abandons a run that is going on
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;

  const std::string& address() const { return address_; }

  // Waits for the agent until the deadline, then hands over its share.
  Status Prepare(const v1::Prepare& prepare, std::chrono::system_clock::time_point deadline);
  void Start();
  void Stop();
  News Look();

 private:
  void Read();
  void Write(const v1::RunRequest& request);

  const std::string address_;
  const rpc::Credentials credentials_;
  std::unique_ptr<v1::Agent::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::RunRequest, v1::RunEvent>> stream_;
  std::mutex write_mutex_;
  bool may_write_ = false;  // gRPC aborts on writing after the last one
  std::mutex news_mutex_;
  News news_;
  std::thread reader_;
};

}  // namespace topgun::loadgen
