// What runs, for `topgun ps` and for scripts: run/state.json is the JSON array of `ps --json`, one
// object per line; run/state.tsv holds the same columns for the shell (role, name, pid, ws, grpc,
// admin, up; "-" where there is no value). Both are replaced atomically.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::supervisor {

struct ProcessState {
  std::string role;
  std::string name;
  pid_t pid = 0;  // 0: not running
  uint16_t ws_port = 0;
  uint16_t grpc_port = 0;
  uint16_t admin_port = 0;
  bool up = false;  // runs and has answered its readiness probe
};

std::string FormatJson(const std::vector<ProcessState>& states);
std::string FormatTsv(const std::vector<ProcessState>& states);

// The file has its old content or the new one, whoever reads it meanwhile.
Status ReplaceFile(const std::string& path, const std::string& content);

// Also writes or removes run/NAME.pid of each process.
Status WriteState(const std::string& run_dir, const std::vector<ProcessState>& states);

}  // namespace topgun::supervisor
