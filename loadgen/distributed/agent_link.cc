#include "distributed/agent_link.h"

#include <algorithm>
#include <utility>

#include "distributed/stats_codec.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace topgun::loadgen {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks for an interrupt.
constexpr std::chrono::milliseconds kConnectSlice{200};
// For an agent that has nothing more to do than to end the call.
constexpr std::chrono::milliseconds kAgentCloseTimeout{5'000};

}  // namespace

AgentLink::AgentLink(std::string address, rpc::Credentials credentials)
    : address_(std::move(address)), credentials_(std::move(credentials)) {}

AgentLink::~AgentLink() {
  if (!reader_.joinable()) return;
  Close();
  reader_.join();
}

// Free again is an agent only when the call has ended.
void AgentLink::Close() {
  std::unique_lock lock(news_mutex_);
  if (!running_) {
    lock.unlock();
    {
      const std::lock_guard write_lock(write_mutex_);
      if (std::exchange(may_write_, false)) stream_->WritesDone();
    }
    lock.lock();
    ended_changed_.wait_for(lock, kAgentCloseTimeout, [this] { return ended_; });
  }
  if (!ended_) context_.TryCancel();
}

Status AgentLink::Connect(Time deadline, const std::atomic<bool>& interrupted) {
  const auto channel = rpc::MakeChannel(address_, {.credentials = credentials_});
  while (true) {
    const Clock::duration left = deadline - Clock::now();
    const auto slice = std::min<Clock::duration>(left, kConnectSlice);
    if (channel->WaitForConnected(
            std::chrono::system_clock::now() +
            std::chrono::duration_cast<std::chrono::system_clock::duration>(slice))) {
      break;
    }
    if (interrupted) return Cancelled("interrupted before the start");
    if (Clock::now() >= deadline) return Unavailable("not reachable");
  }
  stub_ = v1::Agent::NewStub(channel);
  stream_ = stub_->Run(&context_);
  may_write_ = true;
  reader_ = std::thread([this] { Read(); });
  return OkStatus();
}

Status AgentLink::Prepare(const v1::Prepare& prepare, Time deadline,
                          const std::atomic<bool>& interrupted) {
  if (stream_ == nullptr) RETURN_IF_ERROR(Connect(deadline, interrupted));
  {
    const std::lock_guard lock(news_mutex_);
    if (!news_.failure.ok()) return news_.failure;
    news_ = {};
    running_ = true;
  }
  v1::RunRequest request;
  *request.mutable_prepare() = prepare;
  Write(request);
  return OkStatus();
}

void AgentLink::Start() {
  v1::RunRequest request;
  request.mutable_start();
  Write(request);
}

void AgentLink::Stop() {
  v1::RunRequest request;
  request.mutable_stop();
  Write(request);
}

// A failure needs no answer here: it is what Read() ends with.
void AgentLink::Write(const v1::RunRequest& request) {
  {
    const std::lock_guard lock(write_mutex_);
    if (may_write_) stream_->Write(request);
  }
  const std::lock_guard lock(news_mutex_);
  news_.heard = Clock::now();
}

AgentLink::News AgentLink::Look() {
  const std::lock_guard lock(news_mutex_);
  News news = news_;
  news_.intervals.clear();
  return news;
}

void AgentLink::Hear(const v1::RunEvent& event) {
  const std::lock_guard lock(news_mutex_);
  news_.heard = Clock::now();
  if (event.has_connected()) news_.connected = true;
  if (event.has_interval()) news_.intervals.push_back(FromProto(event.interval()));
  if (!event.has_finished()) return;
  news_.finished = FromProto(event.finished());
  running_ = false;
}

void AgentLink::Read() {
  v1::RunEvent event;
  while (stream_->Read(&event)) Hear(event);
  {
    const std::lock_guard lock(write_mutex_);
    may_write_ = false;
  }
  const grpc::Status status = stream_->Finish();
  const std::lock_guard lock(news_mutex_);
  // Between two runs it is the next one that fails.
  news_.failure =
      status.ok() ? Unavailable("ended the call without a report") : rpc::FromGrpc(status);
  running_ = false;
  ended_ = true;
  ended_changed_.notify_all();
}

}  // namespace topgun::loadgen
