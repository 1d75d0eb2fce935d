#include "options/offline_plan.h"

#include "options/values.h"

namespace topgun::loadgen {

StatusOr<OfflinePlan> ParseOfflinePlan(const std::string& text) {
  const size_t slash = text.find('/');
  const auto bad = [&text] {
    return InvalidArgument("expected AWAY/EVERY with AWAY below EVERY, like 5s/30s, got " + text);
  };
  if (slash == std::string::npos) return bad();
  const auto away = ParseDuration(text.substr(0, slash));
  const auto every = ParseDuration(text.substr(slash + 1));
  if (!away || !every || *away >= *every) return bad();
  return OfflinePlan{*away, *every};
}

}  // namespace topgun::loadgen
