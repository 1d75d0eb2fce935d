// CPU time of processes as /proc/PID/stat tells it, and of the calling thread. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::loadgen {

struct NamedProcess {
  std::string name;
  int pid = 0;
};

// User plus system time in microseconds; nothing when the process is gone.
std::optional<int64_t> ProcessCpuUs(int pid);
// The same from the text of /proc/PID/stat, whose command name may hold spaces and parentheses.
std::optional<int64_t> ParseProcStatCpuUs(std::string_view stat, int64_t ticks_per_second);
int64_t ThreadCpuNs();

// What each process used between Start() and Stop(). A process that was replaced or ended in
// between is reported as absent.
class ProcessCpuMeter {
 public:
  struct Usage {
    std::string name;
    std::optional<int64_t> cpu_us;
  };

  explicit ProcessCpuMeter(std::vector<NamedProcess> processes)
      : processes_(std::move(processes)) {}

  void Start();
  std::vector<Usage> Stop() const;

 private:
  std::vector<NamedProcess> processes_;
  std::vector<std::optional<int64_t>> start_us_;
};

}  // namespace topgun::loadgen
