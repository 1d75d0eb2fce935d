// A bidirectional gRPC stream whose events arrive on a loop.
//
// gRPC calls back on its own few threads; those callbacks only post. All public functions and all
// listener calls belong to the loop's thread. One write may be in flight; the next message is read
// when the listener says that it is through with the one before, so a slow loop holds the sender
// back through flow control instead of filling its memory.
//
// The stream keeps itself alive until gRPC is done with it, and the loop running until then.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "base/status.h"
#include "rpc/status.h"

namespace topgun::gateway {

template <class Request, class Reply>
class BidiStream final : public grpc::ClientBidiReactor<Request, Reply> {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // The reply stays as it is until ReadNext().
    virtual void OnReply(const Reply& reply) = 0;
    virtual void OnWritten() = 0;
    // The last call, unless the stream was cancelled by its owner: then it is not called.
    virtual void OnEnded(const Status& status) = 0;
  };
  // Starts the call of the stub with the given context and reactor.
  using Start = std::function<void(grpc::ClientContext*, grpc::ClientBidiReactor<Request, Reply>*)>;

  // `active` counts the streams of the loop that gRPC still knows.
  static std::shared_ptr<BidiStream> Open(boost::asio::io_context& io, size_t& active,
                                          Listener& listener, const Start& start) {
    auto stream = std::shared_ptr<BidiStream>(new BidiStream(io, active, listener));
    stream->self_ = stream;
    ++active;
    start(&stream->context_, stream.get());
    stream->AddHold();  // writes and reads are started from outside of the callbacks
    stream->StartCall();
    stream->StartRead(&stream->reply_);
    return stream;
  }

  // `request` stays as it is until OnWritten() or the end. Only when no write is in flight.
  void Write(const Request* request) {
    if (held_) this->StartWrite(request);
  }

  // When the reply came, on gRPC's thread.
  std::chrono::steady_clock::time_point arrived() const { return arrived_; }

  // The listener is through with the reply.
  void ReadNext() {
    if (held_) this->StartRead(&reply_);
  }

  // Ends the stream; the listener hears nothing more. `keep` lives until gRPC is done.
  void Cancel(std::shared_ptr<const void> keep) {
    listener_ = nullptr;
    keep_ = std::move(keep);
    context_.TryCancel();
    Unhold();
  }

  void OnReadDone(bool ok) override {
    arrived_ = std::chrono::steady_clock::now();
    boost::asio::post(io_, [this, ok] { HandleRead(ok); });
  }
  void OnWriteDone(bool ok) override {
    boost::asio::post(io_, [this, ok] {
      if (ok && listener_ != nullptr) listener_->OnWritten();
    });
  }
  void OnDone(const grpc::Status& status) override {
    boost::asio::post(io_, [this, status = rpc::FromGrpc(status)] { HandleDone(status); });
  }

 private:
  BidiStream(boost::asio::io_context& io, size_t& active, Listener& listener)
      : io_(io), work_(io.get_executor()), active_(active), listener_(&listener) {}

  void HandleRead(bool ok) {
    if (!ok) return Unhold();  // the status follows in OnDone()
    if (listener_ != nullptr) listener_->OnReply(reply_);
  }

  void HandleDone(const Status& status) {
    --active_;
    const std::shared_ptr<BidiStream> self = std::move(self_);
    if (Listener* const listener = std::exchange(listener_, nullptr)) listener->OnEnded(status);
  }

  void Unhold() {
    if (std::exchange(held_, false)) this->RemoveHold();
  }

  boost::asio::io_context& io_;
  const boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  size_t& active_;
  Listener* listener_;
  grpc::ClientContext context_;
  Reply reply_;
  std::chrono::steady_clock::time_point arrived_;  // handed over with the reply
  bool held_ = true;
  std::shared_ptr<const void> keep_;
  std::shared_ptr<BidiStream> self_;
};

}  // namespace topgun::gateway
