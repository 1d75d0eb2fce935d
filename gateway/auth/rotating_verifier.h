// A verifier that can be replaced while the gateway runs: when the secret is rotated, new tokens
// are accepted and old ones refused from the next authentication on.
//
// Any thread. A verification that is under way ends with the verifier it began with.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "auth/token_verifier.h"

namespace topgun::gateway {

class RotatingVerifier final : public TokenVerifier {
 public:
  explicit RotatingVerifier(std::shared_ptr<const TokenVerifier> verifier)
      : current_(std::move(verifier)) {}

  void Replace(std::shared_ptr<const TokenVerifier> verifier) {
    const std::lock_guard lock(mutex_);
    current_ = std::move(verifier);
  }

  StatusOr<Principal> Verify(std::string_view token) const override {
    return Current()->Verify(token);
  }

 private:
  std::shared_ptr<const TokenVerifier> Current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const TokenVerifier> current_;
};

}  // namespace topgun::gateway
