// POST /sync (core.md 9.1): the exchange of a client without WebSocket. Owned by the loop; one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "auth/token_verifier.h"
#include "crdt/hybrid_logical_clock.h"
#include "http/read_gate.h"
#include "http/router.h"
#include "http/sync_exchange.h"
#include "metrics/registry.h"

namespace topgun::gateway {

class SyncEndpoint {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `verifier` is null in no-auth mode.
  SyncEndpoint(SyncOptions options, const SyncServices& services, const TokenVerifier* verifier,
               metrics::Registry& registry);

  void Mount(Router& router);
  void set_op_limits(const wire::OpLimits& limits) { options_.op_limits = limits; }
  void Tick(Time now);
  size_t exchanges() const { return exchanges_.size(); }

 private:
  void Handle(const RoutedRequest& request, Respond respond);
  // A token that is not valid makes the request anonymous, like none.
  Principal PrincipalOf(const HttpRequest& request) const;

  SyncOptions options_;
  const SyncServices services_;
  const TokenVerifier* const verifier_;
  crdt::HybridLogicalClock hlc_;
  ReadGate gate_;
  std::map<uint64_t, std::shared_ptr<SyncExchange>> exchanges_;
  uint64_t last_serial_ = 0;
};

}  // namespace topgun::gateway
