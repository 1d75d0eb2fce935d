// What the exchanges of POST /sync are made with.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "access/access.h"
#include "base/clock.h"
#include "dispatch/detached_writes.h"
#include "dispatch/io.h"
#include "http/read_gate.h"
#include "tracer.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

struct SyncOptions {
  std::string node_id = "gateway";  // of server timestamps, [a-z0-9-]
  size_t operations_max = 10'000;
  size_t maps_max = 100;
  size_t queries_max = 100;
  size_t rows_max = 10'000;                    // of one query in one answer
  size_t read_bytes_max = size_t{8} << 20;     // of one map or query in one answer
  size_t answer_bytes_max = size_t{32} << 20;  // of all of them; what is cut goes on by page
  // For the whole exchange; shorter than the router's patience.
  std::chrono::milliseconds patience{25'000};
  // How long policies are waited for that are not read yet.
  std::chrono::milliseconds access_patience{5'000};
  wire::OpLimits op_limits = {};
  ReadGateLimits reads;
};

// What the exchanges of a loop share. All references outlive them.
struct SyncServices {
  const AccessControl& access;
  DetachedWrites& writes;
  TreeReader& trees;
  MapReader& maps;
  const WallClock& clock;
  Tracer& tracer;
};

}  // namespace topgun::gateway
