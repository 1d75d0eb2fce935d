#include "distributed/agent_service.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/build_info.h"
#include "distributed/share.h"
#include "distributed/stats_codec.h"
#include "driver/file_limit.h"
#include "rpc/status.h"
#include "scenario_run.h"

namespace topgun::loadgen {
namespace {

// Between the coordinator's stream and the run. The run's thread writes events; a thread of its own
// reads what the coordinator says next.
class RemoteObserver final : public RunObserver {
 public:
  RemoteObserver(AgentService::Stream* stream, std::atomic<bool>* interrupted)
      : stream_(stream), interrupted_(interrupted), reader_([this] { Read(); }) {}

  // The run must be over and told, or reading would wait for ever.
  ~RemoteObserver() override {
    if (reader_.joinable()) reader_.join();
  }

  // Waits for what comes after this run; nothing: no other one.
  std::optional<v1::Prepare> AwaitNext() {
    reader_.join();
    return std::move(next_);
  }

  void OnInterval(const Interval& interval) override {
    v1::RunEvent event;
    *event.mutable_interval() = ToProto(interval);
    // A coordinator that is gone ends the run: nobody would read its report.
    if (!stream_->Write(event)) *interrupted_ = true;
  }

  // So that the coordinator knows at once, not with the next interval.
  void OnPhase(const std::string& name) override {
    Interval interval;
    interval.phase = name;
    OnInterval(interval);
  }

  bool OnConnected() override {
    v1::RunEvent event;
    event.mutable_connected();
    if (!stream_->Write(event)) return false;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return started_ || ended_; });
    return started_;
  }

 private:
  void Read() {
    v1::RunRequest request;
    while (stream_->Read(&request)) {
      if (request.has_start()) Set(&started_);
      if (request.has_prepare()) {
        next_ = std::move(*request.mutable_prepare());
        break;
      }
      if (request.has_stop()) {
        *interrupted_ = true;
        Set(&ended_);
      }
    }
    // The coordinator goes on or closes its side only when it is done with the run, or gone.
    *interrupted_ = true;
    Set(&ended_);
  }

  void Set(bool* flag) {
    const std::lock_guard lock(mutex_);
    *flag = true;
    changed_.notify_all();
  }

  AgentService::Stream* const stream_;
  std::atomic<bool>* const interrupted_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  bool ended_ = false;
  std::optional<v1::Prepare> next_;  // the reader's until it has ended
  std::thread reader_;
};

StatusOr<Config> ConfigOf(const v1::Prepare& prepare) {
  if (prepare.revision() != Revision()) {
    return FailedPrecondition("this agent was built from " + std::string(Revision()) +
                              ", the coordinator from " + prepare.revision());
  }
  ASSIGN_OR_RETURN(Config config,
                   ParseRun({prepare.arguments().begin(), prepare.arguments().end()},
                            {prepare.overrides().begin(), prepare.overrides().end()}));
  if (prepare.agents() == 0 || prepare.index() >= prepare.agents()) {
    return InvalidArgument("index and number of agents do not fit");
  }
  RETURN_IF_ERROR(CheckShareable(config, prepare.agents()));
  TakeShare(prepare.index(), prepare.agents(), &config);
  RETURN_IF_ERROR(RaiseFileLimit(config));
  return config;
}

}  // namespace

grpc::Status AgentService::Run(grpc::ServerContext* context, Stream* stream) {
  if (busy_.exchange(true)) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "the agent is busy with another run"};
  }
  const grpc::Status status = Serve(context, stream);
  busy_ = false;
  on_served_();
  return status;
}

grpc::Status AgentService::Serve(grpc::ServerContext* context, Stream* stream) {
  v1::RunRequest request;
  if (!stream->Read(&request) || !request.has_prepare()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "a run begins with `prepare`"};
  }
  std::optional<v1::Prepare> prepare = std::move(*request.mutable_prepare());
  while (prepare) {
    const auto config = ConfigOf(*prepare);
    if (!config.ok()) return rpc::ToGrpc(config.status());
    interrupted_ = false;
    if (ending_) return {grpc::StatusCode::UNAVAILABLE, "the agent is about to end"};
    RemoteObserver observer(stream, &interrupted_);
    const RunReport report = RunScenario(*config, interrupted_, &observer, [](uint32_t) {});
    v1::RunEvent event;
    *event.mutable_finished() = ToProto(report);
    if (!stream->Write(event)) context->TryCancel();
    prepare = observer.AwaitNext();
  }
  return grpc::Status::OK;
}

}  // namespace topgun::loadgen
