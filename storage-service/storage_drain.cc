// How a storage service leaves: for a while, on demand (docs/drain.md), or for good when it is
// stopped. Its shards are handed over first; what Postgres has not taken stays in the feeds.
#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "async/spawn.h"
#include "storage_app.h"

namespace topgun::storage {
namespace {

// All calls have ended by then; gRPC would wait for idle clients to say goodbye.
constexpr std::chrono::milliseconds kGrpcGrace{500};

}  // namespace

Status StorageApp::BeginStandDown() {
  if (draining_) return FailedPrecondition("the process is being stopped");
  if (!ready_) return FailedPrecondition("not ready yet: waiting for Postgres and Redis");
  if (standing_down_.exchange(true)) return OkStatus();
  logging::Info("app", "draining on demand");
  server_.SetServing(false);
  boost::asio::post(io_, [this] { Spawn(io_, StandDown()); });
  return OkStatus();
}

awaitable<void> StorageApp::StandDown() {
  const auto patience = std::chrono::milliseconds(drain_ms_.load());
  const uint64_t dropped = co_await manager_.StandDown(std::chrono::steady_clock::now() + patience);
  WarnOfDropped(dropped);
  stood_down_ = true;
}

Status StorageApp::CancelStandDown() {
  if (draining_) return FailedPrecondition("the process is being stopped");
  if (!standing_down_) return OkStatus();
  if (!stood_down_.exchange(false)) {
    return FailedPrecondition("shards are still being handed over; try again in a moment");
  }
  logging::Info("app", "drain cancelled");
  standing_down_ = false;
  boost::asio::post(io_, [this] { manager_.Resume(); });
  server_.SetServing(true);
  return OkStatus();
}

void StorageApp::WarnOfDropped(uint64_t bytes) {
  if (bytes == 0) return;
  logging::Error("app",
                 "not everything in hand could be written to Postgres; it stays in the feeds, "
                 "where the next owner of the shards finds it",
                 {{"bytes", bytes}});
}

void StorageApp::Drain() {
  draining_ = true;
  rpc::Drain drain{std::chrono::milliseconds(drain_ms_.load())};
  drain.Step("readiness", [this](auto) { server_.SetServing(false); });
  drain.Step("shards", [this](std::chrono::milliseconds left) {
    auto leave = manager_.Leave(std::chrono::steady_clock::now() + left);
    std::future<uint64_t> left_cluster =
        boost::asio::co_spawn(io_, std::move(leave), boost::asio::use_future);
    // A store that does not answer must not hold us up: closing fails whatever still waits for it.
    if (left_cluster.wait_for(left) != std::future_status::ready) {
      boost::asio::post(io_, [this] { CloseConnections(); });
    }
    const uint64_t dropped = left_cluster.get();
    WarnOfDropped(dropped);
    if (dropped > 0) exit_code_ = 1;
  });
  drain.Step("grpc", [this](std::chrono::milliseconds left) {
    server_.Shutdown(std::min(left, kGrpcGrace));
  });
  drain.Step("connections", [this](auto) {
    boost::asio::post(io_, [this] { CloseConnections(); });
    work_.reset();
    loop_.join();
  });
  drain.Step("traces", [this](std::chrono::milliseconds left) { spans_.Stop(left); });
  admin_.Stop();
}

void StorageApp::CloseConnections() {
  reads_.Close();
  commands_.Close();
  lease_pool_.Close();
  pool_.Close();
}

}  // namespace topgun::storage
