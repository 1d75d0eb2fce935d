// The login of the administrator: name and password for a token (core.md 9.2).
//
// The token is one that the gateways' own verifier accepts: HS256 with the secret of client tokens,
// role `admin`, 24 hours. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace topgun::gateway {

struct AdminLoginOptions {
  std::string username = "admin";
  std::string password;    // empty: nobody can log in
  std::string jwt_secret;  // must not be a public key
  std::string issuer;      // `iss` and `aud` of the tokens, as the verifier wants them
  std::string audience;
};

class AdminLogin {
 public:
  static constexpr int64_t kTokenSeconds = int64_t{24} * 60 * 60;

  // `clock` outlives the login.
  AdminLogin(AdminLoginOptions options, const WallClock& clock);

  // For the logins that follow.
  void Change(AdminLoginOptions options);

  // The token. UNAUTHENTICATED when name or password is wrong, FAILED_PRECONDITION when the server
  // has no password or no secret to sign with.
  StatusOr<std::string> Login(std::string_view username, std::string_view password) const;

 private:
  using Options = std::shared_ptr<const AdminLoginOptions>;

  Options options() const;
  StatusOr<std::string> MakeToken(const AdminLoginOptions& options) const;

  mutable std::mutex mutex_;
  Options options_;
  const WallClock& clock_;
};

}  // namespace topgun::gateway
