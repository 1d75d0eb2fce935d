#include "debug/process_info.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

#include "profiling/threads.h"

namespace topgun::debug {
namespace {

struct ThreadRow {
  int id = 0;
  std::string name;
  char state = '?';
  double user_seconds = 0;
  double system_seconds = 0;
};

// From /proc/self/task/ID/stat; the name in it may contain anything, so fields count from its end.
bool ReadThread(int id, ThreadRow& row) {
  std::ifstream file("/proc/self/task/" + std::to_string(id) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const size_t close = line.rfind(')');
  if (close == std::string::npos) return false;
  std::istringstream rest(line.substr(close + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  constexpr size_t kState = 0, kUserTicks = 11, kSystemTicks = 12;
  if (fields.size() <= kSystemTicks) return false;
  const double ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  row.id = id;
  row.name = profiling::ThreadName(id);
  row.state = fields[kState].front();
  row.user_seconds = std::stod(fields[kUserTicks]) / ticks_per_second;
  row.system_seconds = std::stod(fields[kSystemTicks]) / ticks_per_second;
  return true;
}

}  // namespace

std::string MaskPasswords(std::string text) {
  constexpr std::string_view kScheme = "://";
  for (size_t at = text.find(kScheme); at != std::string::npos; at = text.find(kScheme, at)) {
    at += kScheme.size();
    const std::string_view rest = std::string_view(text).substr(at);
    const size_t host_end = rest.find_first_of(std::string_view("/ \0", 3));
    const size_t user_end = rest.substr(0, host_end).rfind('@');
    if (user_end != std::string_view::npos) text.replace(at, user_end, std::string("***"));
  }
  return text;
}

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0;
  uint64_t resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string CommandLine() {
  std::ifstream file("/proc/self/cmdline");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!text.empty() && text.back() == '\0') text.pop_back();
  return MaskPasswords(std::move(text));
}

std::string ThreadTable() {
  std::vector<ThreadRow> rows;
  for (const int id : profiling::ThreadIds()) {
    ThreadRow row;
    if (ReadThread(id, row)) rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const ThreadRow& a, const ThreadRow& b) {
    return a.user_seconds + a.system_seconds > b.user_seconds + b.system_seconds;
  });
  std::string table = "TID      NAME             STATE  USER_S   SYSTEM_S\n";
  for (const ThreadRow& row : rows) {
    std::array<char, 128> line;
    std::snprintf(line.data(), line.size(), "%-8d %-16s %c      %-8.2f %.2f\n", row.id,
                  row.name.c_str(), row.state, row.user_seconds, row.system_seconds);
    table += line.data();
  }
  return table;
}

}  // namespace topgun::debug
