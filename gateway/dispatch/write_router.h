// Passes outcomes of ops on to whoever submitted them: the ops of connections to the connection
// table, all others to DetachedWrites.
//
// Owned by the loop, like its two targets; one thread.
#pragma once

#include "dispatch/io.h"

namespace topgun::gateway {

// No connection ever has this slot: its ops are DetachedWrites' own.
inline constexpr uint32_t kDetachedSlot = UINT32_MAX;

class WriteRouter final : public WriteObserver {
 public:
  WriteRouter(WriteObserver& connections, WriteObserver& detached)
      : connections_(connections), detached_(detached) {}

  void OnOpDone(const OpRef& ref, OpOutcome outcome) override { Of(ref).OnOpDone(ref, outcome); }
  void OnConcernMet(const OpRef& ref, wire::WriteConcern level) override {
    Of(ref).OnConcernMet(ref, level);
  }
  void OnOpReopened(const OpRef& ref) override { Of(ref).OnOpReopened(ref); }
  void OnRestamped(const OpRef& ref, const RestampedOp& op) override {
    Of(ref).OnRestamped(ref, op);
  }
  bool AwaitsAck(const OpRef& ref) const override { return Of(ref).AwaitsAck(ref); }

 private:
  WriteObserver& Of(const OpRef& ref) const {
    return ref.connection.slot == kDetachedSlot ? detached_ : connections_;
  }

  WriteObserver& connections_;
  WriteObserver& detached_;
};

}  // namespace topgun::gateway
