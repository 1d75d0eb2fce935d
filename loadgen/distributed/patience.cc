#include "distributed/patience.h"

namespace topgun::loadgen {

using std::chrono::milliseconds;

milliseconds Patience::For(std::string_view phase, const Config& config) const {
  if (phase == "verify") return verification;
  if (!phase.empty() && phase != "connect") return silence;
  const double rate = config.clients.connect_rate;
  const double all = config.load.connections + config.clients.subscribers;
  const milliseconds begin(rate > 0 ? static_cast<int64_t>(all / rate * 1e3) : 0);
  return begin + config.target.connect_timeout + silence;
}

}  // namespace topgun::loadgen
