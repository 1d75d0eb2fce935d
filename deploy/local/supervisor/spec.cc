#include "supervisor/spec.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

namespace topgun::supervisor {
namespace {

// The text before the first blank, and what follows it.
std::pair<std::string_view, std::string_view> SplitWord(std::string_view text) {
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return {text, {}};
  return {text.substr(0, blank), text.substr(blank + 1)};
}

template <typename Number>
bool ParseNumber(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

// Names become file names and appear in JSON unescaped.
bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool ParsePort(std::string_view rest, ProcessSpec* process) {
  const auto [name, number] = SplitWord(rest);
  PortSpec port{std::string(name), 0};
  if (!IsName(name)) return false;
  if (!number.empty() && !ParseNumber(number, &port.fixed)) return false;
  process->ports.push_back(std::move(port));
  return true;
}

bool ParseProbe(std::string_view rest, Probe* probe) {
  constexpr std::pair<std::string_view, ProbeKind> kKinds[] = {{"none", ProbeKind::kNone},
                                                               {"http", ProbeKind::kHttp},
                                                               {"redis", ProbeKind::kRedis},
                                                               {"postgres", ProbeKind::kPostgres}};
  const auto [word, target] = SplitWord(rest);
  for (const auto& [name, kind] : kKinds) {
    if (name != word || (kind != ProbeKind::kNone) != !target.empty()) continue;
    *probe = {kind, std::string(target)};
    return true;
  }
  return false;
}

bool ParseStop(std::string_view rest, ProcessSpec* process) {
  constexpr std::pair<std::string_view, int> kSignals[] = {
      {"TERM", SIGTERM}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"KILL", SIGKILL}};
  const auto [word, timeout] = SplitWord(rest);
  int64_t timeout_ms = 0;
  if (!ParseNumber(timeout, &timeout_ms) || timeout_ms < 0) return false;
  for (const auto& [name, signal] : kSignals) {
    if (name != word) continue;
    process->stop_signal = signal;
    process->stop_timeout = std::chrono::milliseconds(timeout_ms);
    return true;
  }
  return false;
}

bool ParseRender(std::string_view rest, ProcessSpec* process) {
  const auto [from, to] = SplitWord(rest);
  process->renders.push_back({std::string(from), std::string(to)});
  return !from.empty() && !to.empty();
}

// One line inside a process; false when it is not understood.
bool ParseLine(std::string_view key, std::string_view rest, ProcessSpec* process) {
  if (key == "role") return !(process->role = rest).empty() && IsName(rest);
  if (key == "tier") return ParseNumber(rest, &process->tier);
  if (key == "port") return ParsePort(rest, process);
  if (key == "render") return ParseRender(rest, process);
  if (key == "probe") return ParseProbe(rest, &process->probe);
  if (key == "stop") return ParseStop(rest, process);
  if (key == "user") return !(process->user = rest).empty();
  if (key == "arg") return process->args.emplace_back(rest), true;
  if (key == "unset") return process->unset_env.emplace_back(rest), !rest.empty();
  return false;
}

bool HasProcess(const std::vector<ProcessSpec>& processes, std::string_view name) {
  return std::any_of(processes.begin(), processes.end(),
                     [name](const ProcessSpec& process) { return process.name == name; });
}

Status CheckComplete(const std::vector<ProcessSpec>& processes) {
  for (const ProcessSpec& process : processes) {
    if (process.args.empty()) return InvalidArgument("process " + process.name + " has no arg");
    if (process.role.empty()) return InvalidArgument("process " + process.name + " has no role");
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::vector<ProcessSpec>> ParseSpec(std::string_view text) {
  std::vector<ProcessSpec> processes;
  int line_number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    const auto start = line.find_first_not_of(' ');
    if (start == std::string_view::npos || line[start] == '#') continue;

    const auto [key, rest] = SplitWord(line.substr(start));
    bool understood = false;
    if (key == "process") {
      understood = IsName(rest) && !HasProcess(processes, rest);
      processes.emplace_back().name = rest;
    } else if (!processes.empty()) {
      understood = ParseLine(key, rest, &processes.back());
    }
    if (!understood) {
      return InvalidArgument("line " + std::to_string(line_number) + ": " + std::string(line));
    }
  }
  RETURN_IF_ERROR(CheckComplete(processes));
  return processes;
}

StatusOr<std::vector<ProcessSpec>> ReadSpec(const std::string& path) {
  std::ifstream file(path);
  if (!file) return NotFound("cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return ParseSpec(text.str());
}

}  // namespace topgun::supervisor
