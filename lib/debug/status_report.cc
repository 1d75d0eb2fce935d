#include "status_report.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "debug/process_info.h"
#include "logging/logging.h"
#include "profiling/heap.h"
#include "profiling/threads.h"

namespace topgun::debug {
namespace {

namespace json = boost::json;

// Answers arrive on the threads of the sections, possibly when nobody waits any more.
struct Answers {
  std::mutex mutex;
  std::condition_variable arrived;
  std::map<std::string, std::string> by_section;
};

// "name = value  (source)" per line, as --print-config shows them.
json::object Settings(std::string_view text) {
  constexpr std::string_view kEquals = " = ";
  json::object settings;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t equals = line.find(kEquals);
    if (equals == std::string_view::npos) continue;
    const std::string_view value = line.substr(equals + kEquals.size());
    settings[line.substr(0, equals)] = std::string(value);
  }
  return settings;
}

json::value Heap() {
  const auto totals = profiling::ReadHeapTotals();
  if (!totals.ok()) return nullptr;
  return {{"allocated", totals->allocated}, {"held", totals->held}, {"returned", totals->returned}};
}

}  // namespace

void StatusReport::Add(std::string name, SectionReader read) {
  sections_.emplace_back(std::move(name), std::move(read));
}

std::string StatusReport::Collect(std::chrono::milliseconds patience) const {
  const auto answers = std::make_shared<Answers>();
  for (const auto& [name, read] : sections_) {
    read([answers, name = name](std::string text) {
      const std::lock_guard lock(answers->mutex);
      answers->by_section[name] = std::move(text);
      answers->arrived.notify_all();
    });
  }
  const auto uptime = std::chrono::steady_clock::now() - started_;
  json::object report = {
      {"program", options_.program},
      {"version", TOPGUN_VERSION},
      {"compiler", __VERSION__},
      {"pid", getpid()},
      {"uptime_s", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
      {"log_level", std::string(logging::Name(logging::CurrentLevel()))},
      {"threads", profiling::ThreadIds().size()},
      {"resident_bytes", ResidentBytes()},
      {"heap", Heap()},
      {"settings", Settings(options_.settings())}};
  json::object sections;
  json::array silent;
  std::unique_lock lock(answers->mutex);
  answers->arrived.wait_for(lock, patience,
                            [&] { return answers->by_section.size() == sections_.size(); });
  for (const auto& [name, read] : sections_) {
    const auto found = answers->by_section.find(name);
    if (found == answers->by_section.end()) {
      silent.emplace_back(name);
      continue;
    }
    json::error_code error;
    json::value value = json::parse(found->second, error);
    sections[name] = error ? json::value(found->second) : std::move(value);
  }
  report["sections"] = std::move(sections);
  report["silent"] = std::move(silent);
  return json::serialize(report) + "\n";
}

}  // namespace topgun::debug
