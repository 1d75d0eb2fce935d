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
      keys_(config.data.map_prefix, config.data.map_type, config.data.maps, config.data.keys),
      values_(config.data.value_kind, config.data.value_bytes, config.data.seed),
      epoch_offset_ns_(EpochNs() - NowNs()),
      // Not from the seed: two runs with one seed must not write under the same identities.
      run_(std::random_device{}() & kRunIdMax) {
  if (config.data.key_distribution == KeyDistribution::kZipf) {
    zipf_ = std::make_shared<ZipfTable>(config.data.keys, config.data.zipf_theta);
  }
  if (config.target.no_auth) return;
  if (!config.target.token.empty()) {
    tokens_.push_back(config.target.token);
    return;
  }
  for (uint32_t user = 0; user < std::min(config.target.users, config.load.connections); ++user) {
    tokens_.push_back(MintToken({"load-user-" + std::to_string(user), EpochNs() / 1'000'000'000},
                                config.target.jwt_secret));
  }
}

OpSource::Spec RunContext::SourceOf(uint32_t writer) const {
  OpSource::Spec spec;
  spec.remove_ratio = config_.data.remove_ratio;
  spec.keys = {config_.data.key_distribution, config_.data.keys, zipf_, writer,
               config_.load.connections};
  spec.seed = config_.data.seed * 1'000'003 + writer;
  return spec;
}

Session::Options RunContext::SessionOf(uint32_t connection) const {
  Session::Options options;
  options.endpoint = config_.target.endpoints[connection % config_.target.endpoints.size()];
  if (!tokens_.empty()) options.token = tokens_[connection % tokens_.size()];
  const auto& source_ips = config_.target.source_ips;
  if (!source_ips.empty()) options.source_ip = source_ips[connection % source_ips.size()];
  options.seed = config_.data.seed + connection;
  return options;
}

}  // namespace topgun::loadgen
