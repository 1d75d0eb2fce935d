// What all connections of a loop share: limits, the cluster behind them, scratch memory.
// Owned by the loop, outlives its connections; used on its thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "access/access.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "dispatch/drain_schedule.h"
#include "dispatch/io.h"
#include "probe.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

class AccessGate;
class DetachedWrites;
class ClusterView;
class Counters;
class DeviceRegistry;
class FanOut;
class Journal;
class Locks;
class MapSync;
class Membership;
class OrPush;
class QueryRows;
class StampEcho;
class PolicyStore;
class SearchRequests;
class SystemMaps;
class SystemStore;
class ConnectionTable;
class Topics;

struct DispatchOptions {
  bool forward_auth_errors = false;
  std::chrono::milliseconds auth_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};
  double ops_per_second = 20'000;
  double ops_burst = 40'000;
  uint64_t message_bytes_max = uint64_t{16} << 20;
  size_t query_id_bytes_max = 1'024;
  // Frames of one connection that wait for their ack; above, its socket is not read.
  size_t frames_in_flight_max = 4'096;
  size_t revivals_per_second = 200;
  DrainOptions drain = {};
  // Give or take a fifth: an open connection is closed, so that its client may find another
  // gateway. Zero: never.
  std::chrono::milliseconds connection_age_max{0};
  wire::OpLimits op_limits = {};
};

struct LoopContext {
  const DispatchOptions& options;
  const TokenVerifier* verifier;  // null: no-auth mode
  const AccessControl& access;
  AccessGate& gate;
  WriteSink& sink;
  DetachedWrites& detached;  // writes beside the connections' own
  CellReader& cells;
  MapLister& maps;
  FanOut& fan_out;
  QueryRows& query_rows;
  Journal& journal;
  Locks& locks;
  SystemMaps& system_maps;
  SystemStore& system_store;
  PolicyStore& policy_store;
  MapSync& map_sync;
  Topics& topics;
  OrPush& or_push;
  Counters& counters;
  SearchRequests& searches;
  DeviceRegistry& devices;
  StampEcho& stamp_echo;
  ConnectionTable& table;
  ClusterView& cluster;
  Membership& membership;
  Probe& probe;
  const WallClock& clock;

  wire::ClientFrame frame;                    // decoded into by whoever handles a message
  std::chrono::steady_clock::time_point now;  // start of the current message or tick
};

}  // namespace topgun::gateway
