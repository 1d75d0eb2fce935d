#include "http/address_limiter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

namespace topgun::gateway {
namespace {

constexpr size_t kIpv6NetworkBytes = 8;

std::string KeyOf(std::string_view address) {
  std::string text(address);
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return text;
  return {reinterpret_cast<const char*>(&six), kIpv6NetworkBytes};
}

}  // namespace

bool AddressLimiter::Allow(std::string_view address, Time now) {
  std::string key = KeyOf(address);
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= limits_.addresses_max) MakeRoom(now);
    found = buckets_.emplace(std::move(key), Bucket{.tokens = limits_.burst, .at = now}).first;
  }
  Bucket& bucket = found->second;
  bucket.tokens = TokensAt(bucket, now);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

double AddressLimiter::TokensAt(const Bucket& bucket, Time now) const {
  const std::chrono::duration<double> passed = now - bucket.at;
  return std::min(limits_.burst,
                  bucket.tokens + std::max(0.0, passed.count()) * limits_.per_second);
}

void AddressLimiter::MakeRoom(Time now) {
  for (auto it = buckets_.begin(); it != buckets_.end();) {
    it = TokensAt(it->second, now) >= limits_.burst ? buckets_.erase(it) : std::next(it);
  }
  if (buckets_.size() >= limits_.addresses_max) buckets_.erase(buckets_.begin());
}

size_t AddressLimiter::addresses() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace topgun::gateway
