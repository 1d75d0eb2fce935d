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
      values_(config.data.value_kind, config.data.value_size, config.data.seed),
      epoch_offset_ns_(EpochNs() - NowNs()),
      // Not from the seed: two runs with one seed must not write under the same identities.
      run_(std::random_device{}() & kRunIdMax) {
  if (config.data.key_distribution.kind == KeyDistribution::kZipf) {
    zipf_ = std::make_shared<ZipfTable>(config.data.keys, config.data.key_distribution.zipf_theta);
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
  const DataConfig& data = config_.data;
  OpSource::Spec spec;
  spec.remove_ratio = data.remove_ratio;
  spec.keys = {.distribution = data.key_distribution.kind,
               .keys = data.keys,
               .zipf = zipf_,
               .first = writer,
               .stride = config_.load.connections,
               .hot_keys = data.hot_key_count(),
               .hot_share = data.key_distribution.hot_share};
  spec.seed = data.seed * 1'000'003 + writer;
  spec.mix = data.mix;
  spec.ttl_ratio = data.ttl_ratio;
  spec.ttl_ms = static_cast<uint32_t>(data.ttl.count());
  const int64_t skew_ms = data.clock_skew.count();
  if (skew_ms > 0) {
    Random random(spec.seed);
    spec.clock_offset_ms =
        static_cast<int64_t>((2 * random.Unit() - 1) * static_cast<double>(skew_ms));
  }
  return spec;
}

Session::Options RunContext::SessionOf(uint32_t connection) const {
  Session::Options options;
  options.endpoints = config_.target.endpoints;
  std::rotate(options.endpoints.begin(),
              options.endpoints.begin() +
                  static_cast<std::ptrdiff_t>(connection % options.endpoints.size()),
              options.endpoints.end());
  if (!tokens_.empty()) options.token = tokens_[connection % tokens_.size()];
  const auto& source_ips = config_.target.source_ips;
  if (!source_ips.empty()) options.source_ip = source_ips[connection % source_ips.size()];
  options.seed = config_.data.seed + connection;
  return options;
}

Session::Options RunContext::DirectSession() const {
  Session::Options options = SessionOf(0);
  for (Endpoint& endpoint : options.endpoints) endpoint.proxy_port = 0;
  return options;
}

}  // namespace topgun::loadgen
