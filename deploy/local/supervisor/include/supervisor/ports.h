// The TCP ports of a local cluster on loopback.
//
// Fixed ports must be free, otherwise Assign() fails. The others are taken from the file of the
// last start where still free, else chosen below the kernel's ephemeral range: a port inside it
// could become the source port of some connection while its server restarts.
//
// A free port is not enough: gRPC servers bind with SO_REUSEPORT, so two clusters that picked the
// same number at the same moment would silently share it. Each port is therefore also reserved by
// an abstract Unix socket of a well-known name, which the kernel frees with this process.
//
// Owned by main, main thread only. Reservations end with the object.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "supervisor/spec.h"

namespace topgun::supervisor {

class PortTable {
 public:
  explicit PortTable(std::string saved_path) : saved_path_(std::move(saved_path)) {}
  ~PortTable();
  PortTable(const PortTable&) = delete;
  PortTable& operator=(const PortTable&) = delete;

  // Reserves every port of the processes that has no number yet, and writes the file.
  Status Assign(const std::vector<ProcessSpec>& processes);

  // 0 when there is no such port.
  uint16_t Find(const std::string& process, const std::string& port) const;

  // Replaces every {process.port}; other braces stay. An unknown port is an error.
  StatusOr<std::string> Substitute(std::string_view text) const;

 private:
  bool Reserve(uint16_t port);
  StatusOr<uint16_t> Choose(uint16_t saved);
  std::map<std::string, uint16_t> LoadSaved() const;
  Status Save() const;

  const std::string saved_path_;
  std::map<std::string, uint16_t> ports_;  // "gateway-0.ws" -> 8080
  std::vector<int> reservations_;
};

}  // namespace topgun::supervisor
