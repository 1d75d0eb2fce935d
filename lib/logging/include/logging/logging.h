// Structured logging: one JSON object per line on stderr, with ts, level, service, component, msg
// and the named fields of the event.
//
//   logging::Warning("redis", "connection lost", {{"endpoint", endpoint}, {"attempt", attempt}});
//
// Never log values, tokens or secrets of clients. Any thread may log; a line is written whole.
// The service name and the level are the only process-wide state; logging before Init() works and
// uses level info. Nothing here fails: a line that cannot be written is dropped.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"

namespace topgun::logging {

enum class Level { kDebug, kInfo, kWarning, kError };

// The value of a field. Strings are borrowed until the end of the Log() call.
class FieldValue {
 public:
  using Value = std::variant<std::string_view, int64_t, uint64_t, double, bool>;

  // Implicit, so that a call site reads {"rows", rows}.
  FieldValue(std::string_view text) : value_(text) {}
  FieldValue(const std::string& text) : value_(std::string_view(text)) {}
  FieldValue(const char* text) : value_(std::string_view(text)) {}
  FieldValue(bool flag) : value_(flag) {}
  FieldValue(double number) : value_(number) {}
  template <std::signed_integral T>
  FieldValue(T number) : value_(static_cast<int64_t>(number)) {}
  template <std::unsigned_integral T>
  FieldValue(T number) : value_(static_cast<uint64_t>(number)) {}

  const Value& value() const { return value_; }

 private:
  Value value_;
};

struct Field {
  std::string_view name;
  FieldValue value;
};
using Fields = std::initializer_list<Field>;

// Names the service in every line and sets the lowest level written. Call once, early in main.
void Init(std::string_view service, Level level);
void SetLevel(Level level);  // any thread, at any time
Level CurrentLevel();
std::string_view Name(Level level);  // "debug", as ParseLevel() reads it
bool Enabled(Level level);

// "debug", "info", "warning" or "error".
StatusOr<Level> ParseLevel(std::string_view text);

void Log(Level level, std::string_view component, std::string_view message, Fields fields = {});

inline void Debug(std::string_view component, std::string_view message, Fields fields = {}) {
  Log(Level::kDebug, component, message, fields);
}
inline void Info(std::string_view component, std::string_view message, Fields fields = {}) {
  Log(Level::kInfo, component, message, fields);
}
inline void Warning(std::string_view component, std::string_view message, Fields fields = {}) {
  Log(Level::kWarning, component, message, fields);
}
inline void Error(std::string_view component, std::string_view message, Fields fields = {}) {
  Log(Level::kError, component, message, fields);
}

// Keeps a repeated warning to one line per interval. One object per call site that can repeat;
// any thread.
//
//   uint64_t suppressed = 0;
//   if (warn_limit_.Allow(&suppressed)) Warning("session", "...", {{"suppressed", suppressed}});
class RateLimit {
 public:
  explicit RateLimit(std::chrono::milliseconds every) : every_(every) {}

  // True when the line may be written; `suppressed` then holds the number of refusals since the
  // last line that was.
  bool Allow(uint64_t* suppressed);
  bool Allow(uint64_t* suppressed, std::chrono::steady_clock::time_point now);

 private:
  const std::chrono::milliseconds every_;
  std::mutex mutex_;
  bool allowed_before_ = false;
  std::chrono::steady_clock::time_point last_allowed_;
  uint64_t suppressed_ = 0;
};

}  // namespace topgun::logging
