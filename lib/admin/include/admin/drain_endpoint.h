// POST /drain on the admin port: takes the process out of service as SIGTERM would, without ending
// it; POST /drain?cancel puts it back. Both answer like GET /drain, which says how far it is:
//
//   {"state":"draining","left":812,"unit":"connections"}      state: serving, draining, drained
//
// Only requests of this machine may change anything (Request::local), others get 403. 409 with the
// reason when the process cannot do it now.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "admin/admin_server.h"
#include "base/status.h"

namespace topgun::admin {

// Called on the admin thread.
struct DrainHooks {
  std::string unit;                // of what is left
  std::function<Status()> begin;   // no error when draining already
  std::function<Status()> cancel;  // no error when not draining
  std::function<bool()> draining;
  std::function<uint64_t()> left;  // what the drain has to wait for
};

// Before admin.Start().
void MountDrain(AdminServer& admin, DrainHooks hooks);

}  // namespace topgun::admin
