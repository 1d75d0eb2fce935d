// A sync service for the gateway's tests: one process-wide state in memory, a real gRPC server in
// front, and faults on demand. Several servers may share one state, as replicas do.
//
// Any thread. Not a reference for merging: the newest timestamp wins, and that is all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "state/position.h"

namespace topgun::support {

class FakeSyncState;

class FakeSyncServer {
 public:
  // Port 0 takes any free one.
  FakeSyncServer(std::shared_ptr<FakeSyncState> state, uint16_t port = 0);
  ~FakeSyncServer();  // ends all streams at once, like a killed process
  FakeSyncServer(const FakeSyncServer&) = delete;
  FakeSyncServer& operator=(const FakeSyncServer&) = delete;

  uint16_t port() const;
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::shared_ptr<FakeSyncState> MakeFakeSyncState(uint32_t shard_count);

// Answers with this code instead of applying, until it is 0 again.
void FailParts(FakeSyncState& state, int32_t code);
// Keeps parts without an answer, other than that it has them.
void HoldParts(FakeSyncState& state, bool hold);
size_t HeldParts(const FakeSyncState& state);
// Ops that were applied, counting repeats.
size_t AppliedOps(const FakeSyncState& state);
// Tells every watcher that all that was applied is persisted.
void Persist(FakeSyncState& state);
// Tells every watcher of a gap in every shard; `rows` were written unseen.
void MakeGap(FakeSyncState& state, const std::string& map, const std::vector<std::string>& keys);

}  // namespace topgun::support
