#include "driver/run_context.h"

#include <algorithm>
#include <random>

#include "client/token.h"

namespace topgun::loadgen {
namespace {

int64_t EpochNs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace

RunContext::RunContext(const Config& config)
    : config_(config),
      keys_(config.map_prefix, config.map_type, config.maps, config.keys),
      values_(config.value_kind, config.value_bytes, config.seed),
      epoch_offset_ns_(EpochNs() - NowNs()),
      // Not from the seed: two runs with one seed must not write under the same identities.
      run_(std::random_device{}() & kRunIdMax) {
  if (config.key_distribution == KeyDistribution::kZipf) {
    zipf_ = std::make_shared<ZipfTable>(config.keys, config.zipf_theta);
  }
  if (config.no_auth) return;
  if (!config.token.empty()) {
    tokens_.push_back(config.token);
    return;
  }
  for (uint32_t user = 0; user < std::min(config.users, config.connections); ++user) {
    tokens_.push_back(MintToken({"load-user-" + std::to_string(user), EpochNs() / 1'000'000'000},
                                config.jwt_secret));
  }
}

OpSource::Spec RunContext::SourceOf(uint32_t writer) const {
  OpSource::Spec spec;
  spec.remove_ratio = config_.remove_ratio;
  spec.keys = {config_.key_distribution, config_.keys, zipf_, writer, config_.connections};
  spec.seed = config_.seed * 1'000'003 + writer;
  return spec;
}

Session::Options RunContext::SessionOf(uint32_t connection) const {
  Session::Options options;
  options.endpoint = config_.endpoints[connection % config_.endpoints.size()];
  if (!tokens_.empty()) options.token = tokens_[connection % tokens_.size()];
  options.seed = config_.seed + connection;
  return options;
}

}  // namespace topgun::loadgen
