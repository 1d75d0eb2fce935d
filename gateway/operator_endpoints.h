// What the gateway offers its operators on the admin port, beside what every process does
// (control/endpoints.h):
//
//   GET  /connections?limit=N&subject=S&after=CURSOR   a page of the open connections
//   POST /connections/close?id=ID                      closes one; its client may come back
//   GET  /subscriptions?limit=N                        maps by the connections that subscribe them
//
// Lists are bounded, and each loop is asked for a bounded share per turn. Handlers run on the admin
// thread and answer from the loops'.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin_server.h"
#include "loop.h"

namespace topgun::gateway {

inline constexpr size_t kListedDefault = 100;
inline constexpr size_t kListedMax = 1'000;

// "loop.slot.generation".
struct ConnectionName {
  size_t loop = 0;
  ConnectionId id;
};
std::string FormatConnectionName(const ConnectionName& name);
std::optional<ConnectionName> ParseConnectionName(std::string_view text);

// Before the server starts; the loops outlive it.
void MountOperatorEndpoints(admin::AdminServer& server,
                            const std::vector<std::unique_ptr<Loop>>& loops);

}  // namespace topgun::gateway
