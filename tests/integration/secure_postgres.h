// A real Postgres that other machines reach with TLS and a password only, and its user `topgun`.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/certificates.h"
#include "support/child_process.h"
#include "support/free_port.h"
#include "support/postgres_server.h"
#include "support/temp_dir.h"

namespace topgun::pg {

class SecurePostgres {
 public:
  explicit SecurePostgres(const support::CertificateAuthority& authority)
      : authority_(authority), port_(std::to_string(support::FreePort())) {
    namespace fs = std::filesystem;
    fs::permissions(dir_.path(), fs::perms(0755));
    const auto pair = authority.Issue("postgres", {"localhost", "127.0.0.1"});
    // Postgres insists on a key that is its own and nobody else can read.
    const std::string key = dir_ / "server.key";
    fs::copy_file(pair.key, key);
    fs::permissions(key, fs::perms(0600));
    if (::geteuid() == 0) support::RunCommand({"chown", "postgres", key}, {});
    std::ofstream(dir_ / "pg_hba.conf") << "local all all trust\n"
                                           "hostssl all all 127.0.0.1/32 scram-sha-256\n";
    server_ = std::make_unique<support::PostgresServer>(std::vector<std::string>{
        "ssl=on", "ssl_cert_file=" + pair.certificate, "ssl_key_file=" + key,
        "hba_file=" + (dir_ / "pg_hba.conf"), "listen_addresses=127.0.0.1", "port=" + port_});
    server_->Query("CREATE USER topgun SUPERUSER PASSWORD 'secret'");
  }

  support::PostgresServer& server() { return *server_; }

  // As the user `topgun`, over TCP, without a word about TLS.
  std::string Dsn(std::string_view database) const {
    return "host=localhost hostaddr=127.0.0.1 user=topgun port=" + port_ +
           " dbname=" + std::string(database);
  }
  // The same, demanding the server's certificate.
  std::string SecureDsn(std::string_view database) const {
    return Dsn(database) + " sslmode=verify-full sslrootcert=" + authority_.file();
  }

 private:
  const support::CertificateAuthority& authority_;
  const std::string port_;
  support::TempDir dir_;
  std::unique_ptr<support::PostgresServer> server_;
};

}  // namespace topgun::pg
