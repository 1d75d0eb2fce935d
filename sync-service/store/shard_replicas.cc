#include "store/shard_replicas.h"

#include <utility>

#include <boost/asio/post.hpp>

namespace topgun::sync {

class ShardReplicas::OfShard final : public Replicas {
 public:
  OfShard(ShardReplicas& all, const redis::Route& route, std::string fence_key)
      : all_(all), route_(route), fence_key_(std::move(fence_key)) {}

  const redis::Route& route() const { return route_; }

  void Confirm(const std::string& run, uint32_t timeout_ms,
               std::function<void(bool)> callback) override {
    if (route_.address().empty()) {
      all_.probe_.ReplicasAsked(ReplicaWait::kFailed, 0);
      return boost::asio::post(all_.io_, [callback = std::move(callback)] { callback(false); });
    }
    all_.Of(route_.address()).Confirm(run, fence_key_, timeout_ms, std::move(callback));
  }

 private:
  ShardReplicas& all_;
  const redis::Route& route_;
  const std::string fence_key_;
};

ShardReplicas::ShardReplicas(boost::asio::io_context& io, redis::ConnectionOptions connection,
                             ReplicaOptions options, Probe& probe)
    : io_(io), connection_(std::move(connection)), options_(options), probe_(probe) {}

ShardReplicas::~ShardReplicas() = default;

Replicas& ShardReplicas::AddShard(const redis::Route& route, std::string fence_key) {
  return *shards_.emplace_back(std::make_unique<OfShard>(*this, route, std::move(fence_key)));
}

void ShardReplicas::Reach() {
  for (const auto& shard : shards_) {
    if (shard->route().connected()) Of(shard->route().address());
  }
}

void ShardReplicas::Close() {
  for (auto& [address, primary] : primaries_) primary->Close();
}

RedisReplicas& ShardReplicas::Of(const std::string& address) {
  const auto known = primaries_.find(address);
  if (known != primaries_.end()) return *known->second;
  DropIdle();
  redis::ConnectionOptions options = connection_;
  options.address = address;
  auto primary = std::make_unique<RedisReplicas>(io_, std::move(options), options_, probe_);
  primary->Start();
  return *primaries_.emplace(address, std::move(primary)).first->second;
}

void ShardReplicas::DropIdle() {
  for (auto it = primaries_.begin(); it != primaries_.end();) {
    if (!it->second->idle()) {
      ++it;
      continue;
    }
    it->second->Close();
    it = primaries_.erase(it);
  }
}

}  // namespace topgun::sync
