#include "auth/token_signer.h"

#include <jwt.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "auth/jwt_handles.h"
#include "auth/pem.h"

namespace topgun::gateway {
StatusOr<std::string> SignToken(const std::string& secret, const std::string& claims) {
  if (secret.empty() || secret.starts_with(kPemStart)) {
    return FailedPrecondition("no secret to sign tokens with is configured");
  }
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return Internal("cannot make a token");
  const std::unique_ptr<jwt_t, JwtFree> token(raw);
  const auto* const key = reinterpret_cast<const unsigned char*>(secret.data());
  if (jwt_add_grants_json(raw, claims.c_str()) != 0 ||
      jwt_set_alg(raw, JWT_ALG_HS256, key, static_cast<int>(secret.size())) != 0) {
    return Internal("cannot make a token");
  }
  const std::unique_ptr<char, MallocFree> text(jwt_encode_str(raw));
  if (!text) return Internal("cannot sign a token");
  return std::string(text.get());
}

}  // namespace topgun::gateway
