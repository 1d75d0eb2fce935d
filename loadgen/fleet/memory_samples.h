// The memory of processes at the moments of an idle run. Belongs to the run's thread.
#pragma once

#include <optional>
#include <vector>

#include "fleet/fleet_report.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {

class MemorySamples {
 public:
  explicit MemorySamples(std::vector<NamedProcess> processes) : processes_(std::move(processes)) {
    for (const NamedProcess& process : processes_) samples_.push_back({process.name, {}, {}, {}});
  }

  void Take(std::optional<ProcessMemory> FleetReport::Memory::*when) {
    for (size_t i = 0; i < samples_.size(); ++i) {
      samples_[i].*when = ReadProcessMemory(processes_[i].pid);
    }
  }
  const std::vector<FleetReport::Memory>& all() const { return samples_; }

 private:
  const std::vector<NamedProcess> processes_;
  std::vector<FleetReport::Memory> samples_;
};

}  // namespace topgun::loadgen
