// A real Redis that is reached with TLS, and its user `topgun`, who may do what
// deploy/redis/permissions.acl says and nothing else.
#pragma once

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "redis/security.h"
#include "support/certificates.h"
#include "support/child_process.h"
#include "support/free_port.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

namespace topgun::redis {

class SecureRedis {
 public:
  // `clients`: "no", or "yes" when they have to show a certificate.
  explicit SecureRedis(const support::CertificateAuthority& authority,
                       const std::string& clients = "no")
      : authority_(authority), port_(std::to_string(support::FreePort())) {
    const auto pair = authority.Issue("redis", {"localhost", "127.0.0.1"});
    server_ = std::make_unique<support::RedisServer>(
        std::vector<std::string>{"--tls-port", port_, "--bind", "127.0.0.1", "--tls-cert-file",
                                 pair.certificate, "--tls-key-file", pair.key, "--tls-ca-cert-file",
                                 authority.file(), "--tls-auth-clients", clients});
    std::ifstream file(TOPGUN_REDIS_PERMISSIONS);
    std::vector<std::string> rule = {"ACL", "SETUSER", "topgun", "on"};
    rule.insert(rule.end(), std::istream_iterator<std::string>(file), {});
    Admin(rule);
    SetPassword("secret");
  }

  support::RedisServer& server() { return *server_; }
  std::string address() const { return "127.0.0.1:" + port_; }
  std::string password_file() const { return dir_ / "password"; }

  // As the user `topgun`, over TLS.
  Security security() const {
    Security security;
    security.username = "topgun";
    security.password_file = password_file();
    security.tls.enabled = true;
    security.tls.files.ca = authority_.file();
    return security;
  }

  void SetPassword(const std::string& password) {
    std::ofstream(password_file()) << password << '\n';
    Admin({"ACL", "SETUSER", "topgun", "resetpass", ">" + password});
  }
  // A command of the administrator, who has the Unix socket; what redis-cli prints.
  std::string Admin(const std::vector<std::string>& command) const {
    const std::string output = dir_ / "redis-cli.out";
    std::remove(output.c_str());
    std::vector<std::string> all = {"redis-cli", "-s", server_->socket_path()};
    all.insert(all.end(), command.begin(), command.end());
    support::RunCommand(all, {.output_path = output, .user = "", .environment = {}});
    std::ifstream file(output);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  const support::CertificateAuthority& authority_;
  const std::string port_;
  support::TempDir dir_;
  std::unique_ptr<support::RedisServer> server_;
};

}  // namespace topgun::redis
