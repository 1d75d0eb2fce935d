// The writing half of a server stream: loops add to the message being built, one write is in
// flight.
//
// Thread-safe. Shared between the reactor (which outlives no loop task) and the loops: once Close()
// was called nothing touches the reactor any more.
#pragma once

#include <mutex>
#include <utility>

#include <grpcpp/support/server_callback.h>

namespace topgun::sync {

template <typename Request, typename Reply>
class Outbox {
 public:
  using Reactor = grpc::ServerBidiReactor<Request, Reply>;

  explicit Outbox(Reactor* reactor) : reactor_(reactor) {}

  // `fill` gets the message that will be written next.
  template <typename Fill>
  void Add(Fill fill) {
    const std::lock_guard lock(mutex_);
    if (broken_ || finished_ || reactor_ == nullptr) return;
    fill(next_);
    pending_ = true;
    Write();
  }

  // From OnWriteDone.
  void Written(bool ok) {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) broken_ = true;
    if (pending_) Write();
  }

  // From OnDone: the reactor is about to be deleted.
  void Close() {
    const std::lock_guard lock(mutex_);
    reactor_ = nullptr;
  }

  // Ends the stream; false when it has ended already.
  bool Finish(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    if (finished_ || reactor_ == nullptr) return false;
    finished_ = true;
    reactor_->Finish(status);
    return true;
  }

 private:
  void Write() {
    if (writing_ || broken_ || finished_ || reactor_ == nullptr) return;
    std::swap(current_, next_);
    next_.Clear();
    pending_ = false;
    writing_ = true;
    reactor_->StartWrite(&current_);
  }

  std::mutex mutex_;
  Reactor* reactor_;
  Reply next_;
  Reply current_;
  bool pending_ = false;
  bool writing_ = false;
  bool broken_ = false;  // a write failed; the read side ends the stream
  bool finished_ = false;
};

}  // namespace topgun::sync
