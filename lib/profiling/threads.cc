#include "profiling/threads.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace topgun::profiling {

std::vector<int> ThreadIds() {
  std::vector<int> ids;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end;
       !error && task != end; task.increment(error)) {
    const std::string name = task->path().filename();
    int id = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id);
    if (parsed.ec == std::errc()) ids.push_back(id);
  }
  return ids;
}

std::string ThreadName(int thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace topgun::profiling
