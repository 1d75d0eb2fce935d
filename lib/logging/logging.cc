#include "logging/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include "base/json_string.h"
#include "json_line.h"
#include "logging/recent.h"

namespace topgun::logging {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 4> kLevels = {{
    {"debug", Level::kDebug},
    {"info", Level::kInfo},
    {"warning", Level::kWarning},
    {"error", Level::kError},
}};

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// spdlog writes the time and the level; %v is replaced by the members rendered in Log().
std::string Pattern(std::string_view service) {
  std::string quoted;
  AppendJsonString(quoted, service);
  std::string pattern = R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","service":)";
  for (const char c : quoted) {
    pattern += c;
    if (c == '%') pattern += '%';  // a percent sign that is not a pattern flag
  }
  pattern += ",%v}";
  return pattern;
}

void SetService(spdlog::logger& logger, std::string_view service) {
  logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(Pattern(service),
                                                                   spdlog::pattern_time_type::utc));
}

// Leaked on purpose: a thread that outlives main may still log.
spdlog::logger& Logger() {
  static spdlog::logger* const logger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto* created = new spdlog::logger("topgun", std::move(sink));
    created->set_level(spdlog::level::info);
    SetService(*created, "topgun");
    return created;
  }();
  return *logger;
}

// Leaked like the logger.
RecentLines& ProcessLines() {
  static auto* const lines = new RecentLines(kRecentMax);
  return *lines;
}

int64_t NowMs() {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

}  // namespace

void Init(std::string_view service, Level level) {
  SetService(Logger(), service);
  SetLevel(level);
}

void SetLevel(Level level) { Logger().set_level(ToSpdlog(level)); }

Level CurrentLevel() {
  Level lowest = Level::kError;
  for (const auto& [name, level] : kLevels) {
    if (level < lowest && Enabled(level)) lowest = level;
  }
  return lowest;
}

std::string_view Name(Level level) {
  for (const auto& [name, known] : kLevels) {
    if (known == level) return name;
  }
  return {};
}

bool Enabled(Level level) { return Logger().should_log(ToSpdlog(level)); }

StatusOr<Level> ParseLevel(std::string_view text) {
  for (const auto& [name, level] : kLevels) {
    if (name == text) return level;
  }
  std::string message = "unknown log level \"";
  message.append(text).append("\", expected debug, info, warning or error");
  return InvalidArgument(message);
}

void Log(Level level, std::string_view component, std::string_view message, Fields fields) {
  if (!Enabled(level)) return;
  std::string members = JsonMembers(component, message, fields);
  Logger().log(ToSpdlog(level), spdlog::string_view_t(members.data(), members.size()));
  if (level < Level::kWarning) return;
  ProcessLines().Add(level, component, message, std::move(members), NowMs());
}

std::vector<RecentEntry> Recent() { return ProcessLines().Newest(); }

bool RateLimit::Allow(uint64_t* suppressed) {
  return Allow(suppressed, std::chrono::steady_clock::now());
}

bool RateLimit::Allow(uint64_t* suppressed, std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (allowed_before_ && now - last_allowed_ < every_) {
    ++suppressed_;
    return false;
  }
  allowed_before_ = true;
  last_allowed_ = now;
  *suppressed = std::exchange(suppressed_, 0);
  return true;
}

}  // namespace topgun::logging
