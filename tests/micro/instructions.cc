#include "instructions.h"

#include <gnu/libc-version.h>
#include <valgrind/callgrind.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace topgun::micro {
namespace {

namespace json = boost::json;
using Counts = std::map<std::string, double>;  // instructions per item, by case

// Capacities and caches are as they stay before anything is counted.
constexpr int kWarmUpCalls = 8;
constexpr int kCountedCalls = 8;

std::string Toolchain(const ReportOptions& options) {
  std::ostringstream text;
  text << "g++ " << __VERSION__ << ", glibc " << gnu_get_libc_version() << ", " << options.valgrind;
#if defined(__OPTIMIZE__)
  text << ", optimised";
#endif
  return text.str();
}

// The last word of a line that starts with `label`.
std::optional<std::string> ValueOf(const std::string& line, std::string_view label) {
  if (line.rfind(label, 0) != 0) return std::nullopt;
  return line.substr(label.size());
}

// Each dump names its case and has its total.
void ReadDump(const std::filesystem::path& path, std::map<std::string, double>& totals) {
  std::ifstream file(path);
  std::string name;
  for (std::string line; std::getline(file, line);) {
    if (auto text = ValueOf(line, "desc: Trigger: Client Request: ")) name = *text;
    if (auto text = ValueOf(line, "totals: "); text && !name.empty()) {
      totals[name] = std::stod(*text);
    }
  }
}

Counts ReadDumps(const std::vector<Case>& cases, const std::string& folder) {
  std::map<std::string, double> totals;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ReadDump(entry.path(), totals);
  }
  Counts counts;
  for (const Case& one : cases) {
    const auto found = totals.find(one.name);
    if (found == totals.end())
      throw std::runtime_error("no count of " + one.name + " in " + folder);
    const double items = static_cast<double>(one.items) * kCountedCalls;
    counts[one.name] = std::round(found->second / items * 10) / 10;
  }
  return counts;
}

struct Recorded {
  std::string toolchain;
  Counts counts;
};

Recorded ReadRecorded(const std::string& path) {
  Recorded recorded;
  std::ifstream file(path);
  if (!file) return recorded;
  std::stringstream text;
  text << file.rdbuf();
  const json::value document = json::parse(text.str());
  recorded.toolchain = json::value_to<std::string>(document.at("toolchain"));
  for (const auto& member : document.at("instructions_per_item").as_object()) {
    recorded.counts[std::string(member.key())] = member.value().to_number<double>();
  }
  return recorded;
}

// One case per line, so that a change of one reads well in a diff.
void Write(const std::string& path, const Recorded& recorded) {
  std::ofstream file(path);
  file << "{\n  \"toolchain\": " << json::serialize(json::value(recorded.toolchain))
       << ",\n  \"instructions_per_item\": {";
  const char* separator = "\n";
  for (const auto& [name, count] : recorded.counts) {
    char line[160];
    std::snprintf(line, sizeof line, "%s    \"%s\": %.1f", separator, name.c_str(), count);
    file << line;
    separator = ",\n";
  }
  file << "\n  }\n}\n";
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

// Prints one line; whether the count rose too far.
bool Compare(const std::string& name, double count, std::optional<double> recorded) {
  if (!recorded) {
    std::printf("%-32s %12.1f %12s\n", name.c_str(), count, "-");
    return false;
  }
  const double change = *recorded > 0 ? count / *recorded - 1 : 0;
  const bool rose = change > kTolerance;
  std::printf("%-32s %12.1f %12.1f %+7.1f %%%s\n", name.c_str(), count, *recorded, 100 * change,
              rose                   ? "  MORE"
              : change < -kTolerance ? "  less"
                                     : "");
  return rose;
}

}  // namespace

int CountInstructions(const std::vector<Case>& cases) {
  if (RUNNING_ON_VALGRIND == 0) {
    std::fputs("--count runs under valgrind --tool=callgrind --instr-atstart=no\n", stderr);
    return 2;
  }
  for (const Case& one : cases) {
    std::fprintf(stderr, "counting %s\n", one.name.c_str());
    const Case::Call call = one.prepare();
    for (int i = 0; i < kWarmUpCalls; ++i) call();
    CALLGRIND_START_INSTRUMENTATION;
    for (int i = 0; i < kCountedCalls; ++i) call();
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(one.name.c_str());
  }
  return 0;
}

int ReportInstructions(const std::vector<Case>& cases, const ReportOptions& options) {
  const Counts counts = ReadDumps(cases, options.dumps);
  Recorded recorded = ReadRecorded(options.recorded);
  const std::string toolchain = Toolchain(options);
  const bool comparable = recorded.toolchain == toolchain;
  bool rose = false;
  std::printf("%-32s %12s %12s\n", "instructions per item", "now", "recorded");
  for (const auto& [name, count] : counts) {
    const auto found = recorded.counts.find(name);
    const bool known = comparable && found != recorded.counts.end();
    rose |= Compare(name, count, known ? std::optional<double>(found->second) : std::nullopt);
  }
  if (!comparable) {
    std::printf("NOT COMPARED: recorded with %s, this is %s\n",
                recorded.toolchain.empty() ? "nothing" : recorded.toolchain.c_str(),
                toolchain.c_str());
  }
  if (options.update) {
    if (!comparable) recorded.counts.clear();
    recorded.toolchain = toolchain;
    for (const auto& [name, count] : counts) recorded.counts[name] = count;
    Write(options.recorded, recorded);
    std::printf("recorded in %s\n", options.recorded.c_str());
    return 0;
  }
  return rose ? 1 : 0;
}

}  // namespace topgun::micro
