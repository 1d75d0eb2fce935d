// What every process offers its operators on the admin port, beside metrics and probes:
//
//   GET  /statusz   who it is: program, name, version, uptime, its clock, the settings that all
//                   processes of a cluster must agree on, and what waits for a restart; JSON
//   POST /reload    reads the settings again, as SIGHUP does; answers with what changed, JSON
//
// topgunctl is made of these. Handlers run on the admin server's thread.
#pragma once

#include <string>
#include <vector>

#include "admin/admin_server.h"
#include "control/reloader.h"

namespace topgun::control {

struct Identity {
  std::string program;  // "topgun-gateway"
  std::string name;     // of this process
  // Settings to show by their names: those that must be the same everywhere.
  std::vector<std::string> shown_settings;
};

// Before the server starts; the reloader outlives it.
void MountControl(admin::AdminServer& server, Identity identity, Reloader& reloader);

}  // namespace topgun::control
