// Calls of one loop to the sync replicas that are tried at one replica after the other until one
// succeeds or their patience ends.
//
// A call for a question that is traced (tracer.h) carries its context as metadata.
//
// The replica is chosen by rendezvous of a name, so that what a replica keeps for it is shared by
// all gateways. Calls that are to meet at one replica go to the best one only, and are moved there
// by Reroute() when it has become another. Owned by the loop; one thread. After Close() no callback
// comes any more; it must live until its calls have ended.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/status.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "backend/replica_set.h"
#include "base/status.h"

namespace topgun::gateway {

class RetryingCalls {
 public:
  // From any thread, exactly once per attempt.
  using Ended = std::function<void(const grpc::Status&)>;
  // Begins one attempt. The context is alive until `ended` was called.
  using Start = std::function<void(Replica& replica, grpc::ClientContext& context, Ended ended)>;
  // On the loop, never inside Run(). The last attempt's failure when patience has ended.
  using Done = std::function<void(const Status&)>;
  // Where the attempts of a call go.
  enum class Route : uint8_t {
    kNext,  // to the next best replica after each failure
    kMeet,  // to the best one, unless it has just failed
  };
  struct Terms {
    std::chrono::milliseconds patience;
    Route route = Route::kNext;
  };
  // Names a call that has not ended.
  using Handle = std::weak_ptr<void>;

  // `active_calls` counts what gRPC still knows of this loop.
  RetryingCalls(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas,
                std::chrono::milliseconds patience)
      : io_(io), active_calls_(active_calls), replicas_(replicas), patience_(patience) {}

  // `method` is the name within topgun.sync.v1.Sync, a literal.
  void Run(std::string_view method, std::string name, Start start, Done done) {
    Run({.patience = patience_}, method, std::move(name), std::move(start), std::move(done));
  }
  Handle Run(const Terms& terms, std::string_view method, std::string name, Start start, Done done);
  // Nothing comes of it any more. Whatever the attempt on its way has done stays.
  void Cancel(const Handle& call);
  // The replicas have changed.
  void Reroute();
  void Close();
  size_t running() const { return pending_.size(); }

 private:
  struct AttemptSpan;
  struct Pending;

  void Attempt(const std::shared_ptr<Pending>& pending);
  Replica* Choose(Pending& pending);
  void OnEnded(const std::shared_ptr<Pending>& pending, const Status& status);
  void BeginSpan(Pending& pending, const Replica& replica);
  void EndSpan(Pending& pending, const Status& status);
  void Retry(const std::shared_ptr<Pending>& pending, const Status& reason);

  boost::asio::io_context& io_;
  size_t& active_calls_;
  ReplicaSet& replicas_;
  const std::chrono::milliseconds patience_;
  std::unordered_set<std::shared_ptr<Pending>> pending_;
  bool closed_ = false;
};

// Reads a server stream to its end. `on_chunk` runs on gRPC's thread and may take the chunk's bytes
// over; false ends the call as malformed. Deletes itself.
template <typename Chunk>
class ChunkReader final : public grpc::ClientReadReactor<Chunk> {
 public:
  using OnChunk = std::function<bool(Chunk&)>;

  ChunkReader(OnChunk on_chunk, RetryingCalls::Ended ended)
      : on_chunk_(std::move(on_chunk)), ended_(std::move(ended)) {}

  // After the stub was given this reactor.
  void Begin() {
    this->StartRead(&chunk_);
    this->StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!on_chunk_(chunk_)) malformed_ = true;
    chunk_.Clear();
    this->StartRead(&chunk_);
  }

  void OnDone(const grpc::Status& status) override {
    ended_(malformed_ ? grpc::Status(grpc::StatusCode::INTERNAL, "malformed chunk") : status);
    delete this;
  }

 private:
  const OnChunk on_chunk_;
  const RetryingCalls::Ended ended_;
  Chunk chunk_;
  bool malformed_ = false;
};

}  // namespace topgun::gateway
