// Tokens are made here with OpenSSL alone, independently of the library that verifies them.
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "auth/jwt_verifier.h"
#include "support/manual_clock.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kNow = 1'700'000'000;
const std::string kSecret = "test-e2e-secret";

std::string Base64Url(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::string Hmac(std::string_view data, std::string_view key) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

class RsaKey {
 public:
  RsaKey() : key_(EVP_RSA_gen(2048), &EVP_PKEY_free) {}

  std::string PublicPem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
  }
  std::string Sign(std::string_view data) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    size_t size = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(data.data());
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   data.size());
    return signature;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

const RsaKey& Rsa() {
  static const RsaKey key;
  return key;
}

std::string Unsigned(const std::string& algorithm, const std::string& claims) {
  return Base64Url(R"({"alg":")" + algorithm + R"(","typ":"JWT"})") + "." + Base64Url(claims);
}
std::string Hs256(const std::string& claims, const std::string& key = kSecret) {
  const std::string text = Unsigned("HS256", claims);
  return text + "." + Base64Url(Hmac(text, key));
}
std::string Rs256(const std::string& claims) {
  const std::string text = Unsigned("RS256", claims);
  return text + "." + Base64Url(Rsa().Sign(text));
}

std::string Claims(const std::string& more = "", int64_t expires_in = 3'600) {
  return R"({"sub":"user-1","roles":["a","b"],"iat":1,"exp":)" + std::to_string(kNow + expires_in) +
         more + "}";
}

class JwtTest : public ::testing::Test {
 protected:
  std::unique_ptr<TokenVerifier> Make(JwtOptions options) {
    auto verifier = MakeJwtVerifier(std::move(options), clock_);
    EXPECT_TRUE(verifier.ok()) << ToString(verifier.status());
    return std::move(verifier).value();
  }
  // "user" or the reason for refusing.
  static std::string Verify(const TokenVerifier& verifier, const std::string& token) {
    const auto principal = verifier.Verify(token);
    return principal.ok() ? principal->user_id : std::string(Message(principal.status()));
  }
  std::string WithSecret(const std::string& token) {
    return Verify(*Make({.secret = kSecret}), token);
  }

  const support::ManualClock clock_{kNow * 1'000};
};

TEST_F(JwtTest, AcceptsAnHs256TokenWithItsRoles) {
  const auto principal = Make({.secret = kSecret})->Verify(Hs256(Claims()));
  ASSERT_TRUE(principal.ok());
  EXPECT_EQ(principal->user_id, "user-1");
  EXPECT_EQ(principal->roles, (std::vector<std::string>{"a", "b"}));
}

TEST_F(JwtTest, AcceptsAnRs256TokenAlsoWithEscapedNewlines) {
  std::string pem = Rsa().PublicPem();
  EXPECT_EQ(Verify(*Make({.secret = pem}), Rs256(Claims())), "user-1");
  for (size_t at = pem.find('\n'); at != std::string::npos; at = pem.find('\n')) {
    pem.replace(at, 1, "\\n");
  }
  EXPECT_EQ(Verify(*Make({.secret = pem}), Rs256(Claims())), "user-1");
}

TEST_F(JwtTest, TheKeyDecidesTheAlgorithm) {
  const std::string pem = Rsa().PublicPem();
  // The classic: the public key is no secret, so anybody can make such an HMAC.
  EXPECT_NE(Verify(*Make({.secret = pem}), Hs256(Claims(), pem)), "user-1");
  EXPECT_NE(WithSecret(Rs256(Claims())), "user-1");
  const std::string hs512 = Unsigned("HS512", Claims());
  EXPECT_NE(WithSecret(hs512 + "." + Base64Url(Hmac(hs512, kSecret))), "user-1");
}

TEST_F(JwtTest, RefusesUnsignedTokens) {
  const std::string none = Unsigned("none", Claims());
  EXPECT_NE(WithSecret(none), "user-1");
  EXPECT_NE(WithSecret(none + "."), "user-1");
  EXPECT_NE(WithSecret(none + "." + Base64Url(Hmac(none, kSecret))), "user-1");
  EXPECT_NE(WithSecret(Unsigned("HS256", Claims()) + "."), "user-1");
}

TEST_F(JwtTest, RefusesWrongSignaturesAndGarbage) {
  EXPECT_NE(WithSecret(Hs256(Claims(), "other")), "user-1");
  std::string token = Hs256(Claims());
  token[token.find('.') + 5] ^= 1;
  EXPECT_NE(WithSecret(token), "user-1");
  for (const std::string& garbage :
       {std::string(), std::string("garbage"), std::string("a.b.c"), std::string("..."),
        std::string("\0\0", 2), std::string(20'000, 'a'), Hs256("no json"), Hs256("[]")}) {
    EXPECT_NE(WithSecret(garbage), "user-1");
  }
}

TEST_F(JwtTest, ExpiryIsRequiredAndHasALeeway) {
  EXPECT_EQ(WithSecret(Hs256(R"({"sub":"user-1"})")), "exp is missing");
  EXPECT_EQ(WithSecret(Hs256(R"({"sub":"user-1","exp":"soon"})")), "exp is missing");
  EXPECT_EQ(WithSecret(Hs256(Claims("", -59))), "user-1");
  EXPECT_EQ(WithSecret(Hs256(Claims("", -61))), "token expired");
}

TEST_F(JwtTest, HonoursNotBeforeWithTheSameLeeway) {
  EXPECT_EQ(WithSecret(Hs256(Claims(R"(,"nbf":)" + std::to_string(kNow + 59)))), "user-1");
  EXPECT_EQ(WithSecret(Hs256(Claims(R"(,"nbf":)" + std::to_string(kNow + 61)))),
            "token not yet valid");
}

TEST_F(JwtTest, SubjectIsRequiredText) {
  const std::string exp = R"("exp":)" + std::to_string(kNow + 60);
  EXPECT_EQ(WithSecret(Hs256("{" + exp + "}")), "sub is missing");
  EXPECT_EQ(WithSecret(Hs256(R"({"sub":7,)" + exp + "}")), "sub is missing");
}

TEST_F(JwtTest, IssuerAndAudienceAreRequiredOnceConfigured) {
  const auto verifier = Make({.secret = kSecret, .issuer = "iss", .audience = "aud"});
  EXPECT_EQ(Verify(*verifier, Hs256(Claims(R"(,"iss":"iss","aud":"aud")"))), "user-1");
  EXPECT_EQ(Verify(*verifier, Hs256(Claims(R"(,"iss":"iss","aud":["x","aud"])"))), "user-1");
  EXPECT_EQ(Verify(*verifier, Hs256(Claims(R"(,"aud":"aud")"))), "wrong issuer");
  EXPECT_EQ(Verify(*verifier, Hs256(Claims(R"(,"iss":"other","aud":"aud")"))), "wrong issuer");
  EXPECT_EQ(Verify(*verifier, Hs256(Claims(R"(,"iss":"iss")"))), "wrong audience");
  EXPECT_EQ(Verify(*verifier, Hs256(Claims(R"(,"iss":"iss","aud":["x"])"))), "wrong audience");
}

TEST_F(JwtTest, BadKeysAreFoundAtStart) {
  EXPECT_FALSE(MakeJwtVerifier({.secret = ""}, clock_).ok());
  EXPECT_FALSE(MakeJwtVerifier({.secret = "-----BEGIN PUBLIC KEY-----\nnonsense"}, clock_).ok());
}

}  // namespace
}  // namespace topgun::gateway
