// topgunctl token: making and checking tokens, with the gateways' own verifier.
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "auth/jwt_verifier.h"
#include "auth/token_signer.h"
#include "base/clock.h"
#include "base/secret_file.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

StatusOr<std::string> SecretOf(const Session& session, const std::string& file) {
  if (!file.empty()) return ReadSecretFile(file);
  const std::string found = session.SecretFile();
  if (found.empty()) {
    return InvalidArgument("--secret-file FILE says with which secret, or --data DIR whose");
  }
  return ReadSecretFile(found);
}

StatusOr<std::string> ReadToken(const std::string& file) {
  if (file != "-") return ReadSecretFile(file);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

int RunTokenMake(const Session& session, const TokenMakeOptions& options) {
  const auto secret = SecretOf(session, options.secret_file);
  if (!secret.ok()) return Fail(secret.status());
  const SystemClock clock;
  const int64_t now = clock.NowMs() / 1000;
  json::array roles;
  for (const std::string& role : options.roles) roles.emplace_back(role);
  json::object claims{{"sub", options.subject},
                      {"roles", std::move(roles)},
                      {"iat", now},
                      {"exp", now + static_cast<int64_t>(options.ttl_seconds)}};
  if (!options.issuer.empty()) claims["iss"] = options.issuer;
  if (!options.audience.empty()) claims["aud"] = options.audience;
  const auto token = gateway::SignToken(*secret, json::serialize(claims));
  if (!token.ok()) return Fail(token.status());
  if (session.json()) {
    PrintJson(json::object{{"token", *token}, {"claims", std::move(claims)}});
  } else {
    std::printf("%s\n", token->c_str());
  }
  return kYes;
}

int RunTokenCheck(const Session& session, const TokenCheckOptions& options) {
  const auto secret = SecretOf(session, options.secret_file);
  if (!secret.ok()) return Fail(secret.status());
  const auto token = ReadToken(options.token_file);
  if (!token.ok()) return Fail(token.status());
  const SystemClock clock;
  const auto verifier = gateway::MakeJwtVerifier(
      {.secret = *secret, .issuer = options.issuer, .audience = options.audience}, clock);
  if (!verifier.ok()) return Fail(verifier.status());
  const auto principal = (*verifier)->Verify(*token);
  json::object result{{"valid", principal.ok()}};
  if (principal.ok()) {
    json::array roles;
    for (const std::string& role : principal->roles) roles.emplace_back(role);
    result["subject"] = principal->user_id;
    result["roles"] = std::move(roles);
  } else {
    result["reason"] = std::string(Message(principal.status()));
  }
  if (session.json()) {
    PrintJson(result);
  } else if (principal.ok()) {
    std::printf("valid, subject %s\n", principal->user_id.c_str());
  } else {
    std::printf("not valid: %s\n", std::string(Message(principal.status())).c_str());
  }
  return principal.ok() ? kYes : kNo;
}

}  // namespace topgun::ctl
