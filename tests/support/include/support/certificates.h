// Certificates for tests, made by the openssl program: an authority in a directory of its own, and
// whatever it signs. Readable by everybody; Postgres wants to own its key (PostgresServer).
//
// Owned by one thread. Errors are exceptions.
#pragma once

#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace topgun::support {

class CertificateAuthority {
 public:
  struct Pair {
    std::string certificate;  // paths, PEM
    std::string key;
  };

  CertificateAuthority();

  std::string file() const { return dir_ / "ca.crt"; }

  // <name>.crt and <name>.key for these DNS names and IP addresses, for servers and clients alike.
  // Issued again under the same name, they replace what was there, the key first.
  Pair Issue(const std::string& name, const std::vector<std::string>& hosts) const;

 private:
  void RunOpenssl(std::vector<std::string> arguments) const;

  TempDir dir_;
};

}  // namespace topgun::support
