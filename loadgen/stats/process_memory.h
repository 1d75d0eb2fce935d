// Memory of processes as /proc/PID/smaps_rollup tells it. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace topgun::loadgen {

struct ProcessMemory {
  uint64_t rss_bytes = 0;
  uint64_t pss_bytes = 0;  // pages shared with others count in part
};

// Nothing when the process is gone or belongs to somebody else.
std::optional<ProcessMemory> ReadProcessMemory(int pid);
// The same from the text of the file.
std::optional<ProcessMemory> ParseSmapsRollup(std::string_view text);

}  // namespace topgun::loadgen
