// A unary call whose answer is put together from parts that loops deliver.
//
// The reactor ends when all parts are there, when one has failed, or when the caller has cancelled;
// parts that come later are ignored. Thread-safe; shared by the reactor and the tasks on the loops.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/status.h"
#include "rpc/status.h"

namespace topgun::sync {

template <typename Part>
class Gathering {
 public:
  // Fills the call's reply.
  using Answer = std::function<void(std::vector<Part>&)>;

  // `on_cancel` runs when the caller has gone, on gRPC's thread.
  Gathering(size_t parts, Answer answer, std::function<void()> on_cancel = nullptr)
      : answer_(std::move(answer)),
        on_cancel_(std::move(on_cancel)),
        open_(parts),
        reactor_(new Reactor(*this)) {}
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  // gRPC owns it; it keeps the gathering alive until the call has ended.
  static grpc::ServerUnaryReactor* ReactorOf(const std::shared_ptr<Gathering>& gathering) {
    const std::lock_guard lock(gathering->mutex_);
    Reactor* const reactor = gathering->reactor_;
    reactor->Keep(gathering);
    if (gathering->open_ == 0) gathering->Finish(OkStatus());
    return reactor;
  }

  void Add(StatusOr<Part> part) { Deliver(std::move(part)); }
  // False: the call has ended already, nobody gets the part.
  bool Deliver(StatusOr<Part> part) {
    const std::lock_guard lock(mutex_);
    if (finished_) return false;
    if (!part.ok()) {
      Finish(part.status());
      return true;
    }
    parts_.push_back(*std::move(part));
    if (--open_ == 0) Finish(OkStatus());
    return true;
  }

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(Gathering& gathering) : gathering_(&gathering) {}
    void Keep(std::shared_ptr<Gathering> self) { kept_ = std::move(self); }
    void OnCancel() override {
      {
        const std::lock_guard lock(gathering_->mutex_);
        gathering_->Finish(Cancelled("the caller has left"));
      }
      if (gathering_->on_cancel_) gathering_->on_cancel_();
    }
    void OnDone() override { delete this; }

   private:
    Gathering* gathering_;
    std::shared_ptr<Gathering> kept_;
  };

  // The mutex is held.
  void Finish(const Status& status) {
    if (std::exchange(finished_, true)) return;
    if (status.ok()) answer_(parts_);
    parts_.clear();
    reactor_->Finish(rpc::ToGrpc(status));
  }

  std::mutex mutex_;
  const Answer answer_;
  const std::function<void()> on_cancel_;
  size_t open_;
  std::vector<Part> parts_;
  Reactor* const reactor_;
  bool finished_ = false;
};

}  // namespace topgun::sync
