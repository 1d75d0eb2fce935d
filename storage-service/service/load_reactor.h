// One LoadMap call: pages become chunks, one write in flight, the next page is fetched when the
// last one has left.
//
// Shared by gRPC (until OnDone) and by the coroutine that produces the pages (until Finish).
// OnWriteDone, OnCancel and OnDone run on gRPC's threads and only hand over; the rest is on the
// loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "shard/io.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::storage {

class LoadReactor final : public grpc::ServerWriteReactor<v1::LoadMapChunk>, public PageSink {
 public:
  static std::shared_ptr<LoadReactor> Make();

  awaitable<bool> Write(LoadedPage page) override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { self_.reset(); }

 private:
  LoadReactor() = default;

  std::shared_ptr<LoadReactor> self_;  // gRPC's reference
  std::atomic<bool> cancelled_{false};
  v1::LoadMapChunk chunk_;
  std::function<void(bool)> write_done_;
};

}  // namespace topgun::storage
