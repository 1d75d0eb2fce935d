// A server stream whose chunks are cut from parts that loops deliver, like Gathering for unary
// calls.
//
// The stream ends when everything is written, when a part has failed, or when the caller has
// cancelled; parts that come later are ignored. Thread-safe; shared by the reactor and the tasks on
// the loops.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/status.h"
#include "rpc/status.h"

namespace topgun::sync {

template <typename Part, typename Chunk>
class GatheringStream {
 public:
  using Cut = std::function<std::deque<Chunk>(std::vector<Part>)>;

  GatheringStream(size_t parts, Cut cut)
      : cut_(std::move(cut)), open_(parts), reactor_(new Reactor(*this)) {}
  GatheringStream(const GatheringStream&) = delete;
  GatheringStream& operator=(const GatheringStream&) = delete;

  // gRPC owns it; it keeps the gathering alive until the call has ended.
  static grpc::ServerWriteReactor<Chunk>* ReactorOf(const std::shared_ptr<GatheringStream>& self) {
    self->reactor_->Keep(self);
    return self->reactor_;
  }

  void Add(StatusOr<Part> part) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!part.ok()) return Finish(rpc::ToGrpc(part.status()));
    parts_.push_back(*std::move(part));
    if (--open_ != 0) return;
    chunks_ = cut_(std::exchange(parts_, {}));
    WriteNext();
  }

  // The caller has left, or a part has failed: parts that come are ignored.
  bool finished() {
    const std::lock_guard lock(mutex_);
    return finished_;
  }

 private:
  class Reactor final : public grpc::ServerWriteReactor<Chunk> {
   public:
    explicit Reactor(GatheringStream& stream) : stream_(&stream) {}
    void Keep(std::shared_ptr<GatheringStream> self) { kept_ = std::move(self); }
    void OnWriteDone(bool ok) override { stream_->OnWritten(ok); }
    void OnCancel() override {
      const std::lock_guard lock(stream_->mutex_);
      stream_->Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

   private:
    GatheringStream* stream_;
    std::shared_ptr<GatheringStream> kept_;
  };

  void OnWritten(bool ok) {
    const std::lock_guard lock(mutex_);
    chunks_.pop_front();
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the stream broke"));
    WriteNext();
  }

  // The mutex is held in these.
  void WriteNext() {
    if (finished_) return;
    if (chunks_.empty()) return Finish(grpc::Status::OK);
    reactor_->StartWrite(&chunks_.front());
  }

  void Finish(const grpc::Status& status) {
    if (std::exchange(finished_, true)) return;
    reactor_->Finish(status);
  }

  std::mutex mutex_;
  const Cut cut_;
  size_t open_;
  std::vector<Part> parts_;
  std::deque<Chunk> chunks_;
  Reactor* const reactor_;
  bool finished_ = false;
};

}  // namespace topgun::sync
