// The status page of a gateway, on its admin port: what is going on now, for people.
//
//   GET /, /status               the page; /status.js and /status.css belong to it
//   GET /status.json             what the page shows beside /metrics and /statusz: lanes and
//   replicas
//                                per loop, maps with their records, the last warnings and errors
//
// Nothing is worked out while nobody looks: maps are counted on demand, at most every kMapsEvery.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "admin/admin_server.h"
#include "loop.h"

namespace topgun::gateway {

inline constexpr std::chrono::seconds kMapsEvery{5};
inline constexpr size_t kMapsShown = 50;  // those with the most records

// Before the server starts; the loops outlive it.
void MountStatusPage(admin::AdminServer& server, const std::vector<std::unique_ptr<Loop>>& loops);

}  // namespace topgun::gateway
