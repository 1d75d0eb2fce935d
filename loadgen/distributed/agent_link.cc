#include "distributed/agent_link.h"

#include <utility>

#include "distributed/stats_codec.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace topgun::loadgen {

AgentLink::AgentLink(std::string address, rpc::Credentials credentials)
    : address_(std::move(address)), credentials_(std::move(credentials)) {}

AgentLink::~AgentLink() {
  context_.TryCancel();
  if (reader_.joinable()) reader_.join();
}

Status AgentLink::Prepare(const v1::Prepare& prepare,
                          std::chrono::system_clock::time_point deadline) {
  const auto channel = rpc::MakeChannel(address_, {.credentials = credentials_});
  if (!channel->WaitForConnected(deadline)) return Unavailable("not reachable");
  stub_ = v1::Agent::NewStub(channel);
  stream_ = stub_->Run(&context_);
  v1::RunRequest request;
  *request.mutable_prepare() = prepare;
  may_write_ = true;
  Write(request);
  reader_ = std::thread([this] { Read(); });
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
  const std::lock_guard lock(write_mutex_);
  if (may_write_) stream_->Write(request);
}

AgentLink::News AgentLink::Look() {
  const std::lock_guard lock(news_mutex_);
  News news = news_;
  news_.intervals.clear();
  return news;
}

void AgentLink::Read() {
  v1::RunEvent event;
  bool finished = false;
  while (stream_->Read(&event)) {
    const std::lock_guard lock(news_mutex_);
    if (event.has_connected()) news_.connected = true;
    if (event.has_interval()) news_.intervals.push_back(FromProto(event.interval()));
    if (event.has_finished()) {
      news_.finished = FromProto(event.finished());
      finished = true;
      break;
    }
  }
  {
    const std::lock_guard lock(write_mutex_);
    may_write_ = false;
    if (finished) stream_->WritesDone();
  }
  const grpc::Status status = stream_->Finish();
  if (finished) return;
  const std::lock_guard lock(news_mutex_);
  news_.failure =
      status.ok() ? Unavailable("ended the call without a report") : rpc::FromGrpc(status);
}

}  // namespace topgun::loadgen
