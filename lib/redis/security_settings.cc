#include "redis/security_settings.h"

#include <chrono>

#include "config/plaintext.h"

namespace topgun::redis {

void AddSecuritySettings(config::Settings& settings, const std::string& group, Security* target) {
  settings.Add("redis-username", &target->username, "ACL user of Redis; empty: the default user",
               {.group = group});
  settings.AddSecret("redis-password", &target->password, &target->password_file,
                     "Password of Redis; a file is read again at every connect", {.group = group});
  TlsOptions& tls = target->tls;
  settings.Add("redis-tls", &tls.enabled, "Redis is reached with TLS", {.group = group});
  settings.Add("redis-tls-ca-file", &tls.files.ca,
               "Who vouches for Redis, PEM; empty: the system's authorities", {.group = group});
  settings.Add("redis-tls-certificate-file", &tls.files.certificate,
               "Certificate shown to a Redis that asks for one, PEM with its chain",
               {.group = group});
  settings.Add("redis-tls-key-file", &tls.files.key, "Key of that certificate, PEM",
               {.group = group});
  settings.Add("redis-tls-server-name", &tls.server_name,
               "What the certificate of Redis must name; empty: the host of its address",
               {.group = group});
}

Status CheckSecurity(const Security& security, const std::string& address,
                     const std::vector<std::string>& allow_plaintext) {
  const TlsOptions& tls = security.tls;
  if (!tls.enabled) {
    if (!tls.files.empty() || !tls.server_name.empty()) {
      return InvalidArgument("--redis-tls-...: has no effect without --redis-tls");
    }
    return config::CheckPlaintext(allow_plaintext, "redis", "--redis", address, "--redis-tls");
  }
  if (address.starts_with("unix:")) {
    return InvalidArgument("--redis-tls: " + address + " is a Unix socket, which needs no TLS");
  }
  if (tls.files.certificate.empty() != tls.files.key.empty()) {
    return InvalidArgument(
        "--redis-tls-certificate-file and --redis-tls-key-file: set both or none");
  }
  const auto loaded = tls::LoadCredentials(tls.files, std::chrono::system_clock::now());
  return Annotate(loaded.status(), "TLS to Redis");
}

}  // namespace topgun::redis
