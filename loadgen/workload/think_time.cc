#include "workload/think_time.h"

#include "options/values.h"

namespace topgun::loadgen {

std::string ThinkTime::Text() const {
  if (kind == Kind::kNone) return "none";
  return (kind == Kind::kFixed ? "fixed:" : "exp:") +
         DurationText(std::chrono::milliseconds(mean_ns / 1'000'000));
}

StatusOr<ThinkTime> ParseThinkTime(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string amount = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  const std::chrono::milliseconds time =
      ParseDuration(amount).value_or(std::chrono::milliseconds(0));
  if ((name != "fixed" && name != "exp") || time.count() == 0) {
    return InvalidArgument("expected fixed:TIME or exp:TIME, like exp:20ms, got " + text);
  }
  ThinkTime think;
  think.kind = name == "fixed" ? ThinkTime::Kind::kFixed : ThinkTime::Kind::kExponential;
  think.mean_ns = time.count() * 1'000'000;
  return think;
}

}  // namespace topgun::loadgen
