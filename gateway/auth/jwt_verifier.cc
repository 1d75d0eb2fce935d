#include "auth/jwt_verifier.h"

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <optional>
#include <utility>

#include "auth/jwt_handles.h"
#include "auth/pem.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kTokenBytesMax = size_t{16} << 10;

void ReplaceEscapedNewlines(std::string& text) {
  for (size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at + 1)) {
    text.replace(at, 2, 1, '\n');
  }
}

Status CheckPublicKey(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key) return InvalidArgument("the JWT secret starts like a PEM key but is no public key");
  if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return InvalidArgument("the JWT public key is not an RSA key");
  }
  return OkStatus();
}

std::optional<double> NumberOf(const json::object& claims, std::string_view name) {
  const json::value* const value = claims.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto number = value->to_number<double>(error);
  if (error) return std::nullopt;
  return number;
}

const json::string* TextOf(const json::object& claims, json::string_view name) {
  const json::value* const value = claims.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

// `aud` is a text or an array of texts (RFC 7519 4.1.3).
bool HasAudience(const json::object& claims, const std::string& wanted) {
  const json::value* const value = claims.if_contains("aud");
  if (value == nullptr) return false;
  const auto matches = [&wanted](const json::value& entry) {
    return entry.is_string() && entry.get_string() == wanted;
  };
  if (!value->is_array()) return matches(*value);
  return std::any_of(value->get_array().begin(), value->get_array().end(), matches);
}

std::vector<std::string> RolesOf(const json::object& claims) {
  std::vector<std::string> roles;
  const json::value* const value = claims.if_contains("roles");
  if (value == nullptr || !value->is_array()) return roles;
  for (const json::value& role : value->get_array()) {
    if (role.is_string()) roles.emplace_back(role.get_string().c_str());
  }
  return roles;
}

class JwtVerifier final : public TokenVerifier {
 public:
  JwtVerifier(JwtOptions options, jwt_alg_t algorithm, const WallClock& clock)
      : options_(std::move(options)), algorithm_(algorithm), clock_(clock) {}

  StatusOr<Principal> Verify(std::string_view token) const override {
    if (token.size() > kTokenBytesMax) return Unauthenticated("token too long");
    if (token.find('\0') != std::string_view::npos) return Unauthenticated("malformed token");
    ASSIGN_OR_RETURN(const std::string claims, VerifiedClaims(std::string(token)));
    json::error_code error;
    const json::value parsed = json::parse(claims, error);
    if (error || !parsed.is_object()) return Unauthenticated("malformed claims");
    return CheckClaims(parsed.get_object());
  }

 private:
  // The claims as JSON, if the signature is right.
  StatusOr<std::string> VerifiedClaims(const std::string& token) const {
    jwt_t* raw = nullptr;
    const auto* const key = reinterpret_cast<const unsigned char*>(options_.secret.data());
    const int code = jwt_decode(&raw, token.c_str(), key, static_cast<int>(options_.secret.size()));
    const std::unique_ptr<jwt_t, JwtFree> decoded(raw);
    if (code != 0 || !decoded) return Unauthenticated("malformed token or wrong signature");
    if (jwt_get_alg(decoded.get()) != algorithm_) return Unauthenticated("wrong algorithm");
    const std::unique_ptr<char, MallocFree> claims(jwt_get_grants_json(decoded.get(), nullptr));
    if (!claims) return Unauthenticated("malformed claims");
    return std::string(claims.get());
  }

  StatusOr<Principal> CheckClaims(const json::object& claims) const {
    const auto now = static_cast<double>(clock_.NowMs()) / 1000;
    const auto leeway = static_cast<double>(options_.leeway_seconds);
    const std::optional<double> expires = NumberOf(claims, "exp");
    if (!expires) return Unauthenticated("exp is missing");
    if (*expires + leeway < now) return Unauthenticated("token expired");
    if (claims.contains("nbf")) {
      const std::optional<double> not_before = NumberOf(claims, "nbf");
      if (!not_before || *not_before - leeway > now) return Unauthenticated("token not yet valid");
    }
    if (!options_.issuer.empty()) {
      const json::string* const issuer = TextOf(claims, "iss");
      if (issuer == nullptr || *issuer != options_.issuer) return Unauthenticated("wrong issuer");
    }
    if (!options_.audience.empty() && !HasAudience(claims, options_.audience)) {
      return Unauthenticated("wrong audience");
    }
    const json::string* const subject = TextOf(claims, "sub");
    if (subject == nullptr) return Unauthenticated("sub is missing");
    return Principal{.user_id = std::string(subject->c_str(), subject->size()),
                     .roles = RolesOf(claims)};
  }

  const JwtOptions options_;
  const jwt_alg_t algorithm_;
  const WallClock& clock_;
};

}  // namespace

StatusOr<std::unique_ptr<TokenVerifier>> MakeJwtVerifier(JwtOptions options,
                                                         const WallClock& clock) {
  if (options.secret.empty()) return InvalidArgument("the JWT secret is empty");
  jwt_alg_t algorithm = JWT_ALG_HS256;
  if (std::string pem = options.secret; pem.find(kPemStart) != std::string::npos) {
    ReplaceEscapedNewlines(pem);
    if (pem.starts_with(kPemStart)) {
      RETURN_IF_ERROR(CheckPublicKey(pem));
      options.secret = std::move(pem);
      algorithm = JWT_ALG_RS256;
    }
  }
  return std::unique_ptr<TokenVerifier>(
      std::make_unique<JwtVerifier>(std::move(options), algorithm, clock));
}

}  // namespace topgun::gateway
