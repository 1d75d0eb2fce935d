// What a local cluster consists of, read from the text that the entry script writes.
//
//   process gateway-0            begins a process; the lines up to the next one belong to it
//   role gateway
//   tier 3                       started after all lower tiers are ready, stopped before them
//   port ws 8080                 a fixed port; without a number the supervisor chooses one
//   port admin
//   render prometheus.yml.in prometheus.yml     copies a file, replacing {name.port}
//   arg /path/topgun-gateway     one line per argument, the rest of the line as it is
//   arg {sync-0.grpc}            {name.port} becomes the number of that port
//   probe http {gateway-0.admin} or: probe redis SOCKET, probe postgres SOCKET, probe none
//   stop TERM 10000              signal and the milliseconds until SIGKILL follows
//   user postgres                account to run as, when the supervisor is root
//   unset JWT_SECRET             variable the process does not inherit
//
// '#' begins a comment line. Values; any thread. A bad line is an error that names it.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::supervisor {

struct PortSpec {
  std::string name;
  uint16_t fixed = 0;  // 0: any free one, kept from one start to the next

  friend bool operator==(const PortSpec&, const PortSpec&) = default;
};

enum class ProbeKind { kNone, kHttp, kRedis, kPostgres };

struct Probe {
  ProbeKind kind = ProbeKind::kNone;
  std::string target;  // port number of kHttp on loopback, else path of a socket

  friend bool operator==(const Probe&, const Probe&) = default;
};

struct RenderSpec {
  std::string from;
  std::string to;

  friend bool operator==(const RenderSpec&, const RenderSpec&) = default;
};

struct ProcessSpec {
  std::string name;
  std::string role;
  int tier = 0;
  std::vector<PortSpec> ports;
  std::vector<RenderSpec> renders;
  std::vector<std::string> args;  // args[0] is the path of the program
  Probe probe;
  int stop_signal = SIGTERM;
  std::chrono::milliseconds stop_timeout{5000};
  std::string user;
  std::vector<std::string> unset_env;

  friend bool operator==(const ProcessSpec&, const ProcessSpec&) = default;
};

StatusOr<std::vector<ProcessSpec>> ParseSpec(std::string_view text);
StatusOr<std::vector<ProcessSpec>> ReadSpec(const std::string& path);

}  // namespace topgun::supervisor
