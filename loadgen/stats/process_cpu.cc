#include "stats/process_cpu.h"

#include <unistd.h>

#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>

namespace topgun::loadgen {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;

std::string_view NextWord(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> ParseProcStatCpuUs(std::string_view stat, int64_t ticks_per_second) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  // After the name: state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt, then
  // utime and stime (proc(5)).
  for (int skipped = 0; skipped < 11; ++skipped) NextWord(rest);
  const auto user = ParseInt(NextWord(rest));
  const auto system = ParseInt(NextWord(rest));
  if (!user || !system) return std::nullopt;
  return (*user + *system) * kUsPerSecond / ticks_per_second;
}

std::optional<int64_t> ProcessCpuUs(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return ParseProcStatCpuUs(text, sysconf(_SC_CLK_TCK));
}

int64_t ThreadCpuNs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void ProcessCpuMeter::Start() {
  start_us_.clear();
  for (const NamedProcess& process : processes_) start_us_.push_back(ProcessCpuUs(process.pid));
}

std::vector<ProcessCpuMeter::Usage> ProcessCpuMeter::Stop() const {
  std::vector<Usage> usages;
  for (size_t i = 0; i < processes_.size(); ++i) {
    const auto now_us = ProcessCpuUs(processes_[i].pid);
    Usage& usage = usages.emplace_back(Usage{processes_[i].name, std::nullopt});
    if (now_us && i < start_us_.size() && start_us_[i]) usage.cpu_us = *now_us - *start_us_[i];
  }
  return usages;
}

}  // namespace topgun::loadgen
