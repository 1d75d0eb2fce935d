#include "auth/admin_login.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "auth/pem.h"
#include "auth/token_signer.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest DigestOf(std::string_view text) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

// Takes the same time wherever the texts differ, and whatever their lengths.
bool SameSecret(std::string_view a, std::string_view b) {
  const Digest left = DigestOf(a);
  const Digest right = DigestOf(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

AdminLogin::AdminLogin(AdminLoginOptions options, const WallClock& clock)
    : options_(std::make_shared<const AdminLoginOptions>(std::move(options))), clock_(clock) {}

void AdminLogin::Change(AdminLoginOptions options) {
  auto changed = std::make_shared<const AdminLoginOptions>(std::move(options));
  const std::lock_guard lock(mutex_);
  options_ = std::move(changed);
}

AdminLogin::Options AdminLogin::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

StatusOr<std::string> AdminLogin::Login(std::string_view username,
                                        std::string_view password) const {
  const Options options = this->options();
  if (options->password.empty()) return FailedPrecondition("no admin password is configured");
  if (options->jwt_secret.empty() || options->jwt_secret.starts_with(kPemStart)) {
    return FailedPrecondition("no secret to sign tokens with is configured");
  }
  // Both are compared always, so that the time does not tell whether the name was right.
  const bool name_fits = SameSecret(username, options->username);
  const bool password_fits = SameSecret(password, options->password);
  if (!name_fits || !password_fits) return Unauthenticated("invalid credentials");
  return MakeToken(*options);
}

StatusOr<std::string> AdminLogin::MakeToken(const AdminLoginOptions& options) const {
  const int64_t now = clock_.NowMs() / 1000;
  json::object claims{{"sub", options.username},
                      {"roles", json::array{"admin"}},
                      {"iat", now},
                      {"exp", now + kTokenSeconds}};
  if (!options.issuer.empty()) claims["iss"] = options.issuer;
  if (!options.audience.empty()) claims["aud"] = options.audience;
  return SignToken(options.jwt_secret, json::serialize(claims));
}

}  // namespace topgun::gateway
