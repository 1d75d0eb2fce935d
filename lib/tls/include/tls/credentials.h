// The files that a process proves its identity with and judges its peers by, read and checked.
//
// All are PEM. Values; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::tls {

// Paths; an empty one is a file that is not used. A certificate and its key come together.
struct TlsFiles {
  std::string certificate;  // the own one, then the intermediates up to its root
  std::string key;          // of the own certificate, without a passphrase
  std::string ca;           // certificates that may have signed a peer's

  bool empty() const { return certificate.empty() && key.empty() && ca.empty(); }
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

// What the files hold, known to fit together.
struct Credentials {
  using Time = std::chrono::system_clock::time_point;

  std::string certificate_pem;
  std::string key_pem;  // secret: never to be logged
  std::string ca_pem;

  std::string subject;                      // of the own certificate, for logs
  std::optional<Time> certificate_expires;  // the first of the chain to do so
  std::optional<Time> ca_expires;           // the last one: bundles keep old ones during a rotation
  // Usable, but somebody should know: expired, not valid yet.
  std::vector<std::string> warnings;
};

// Errors name the file and what is wrong with it: it is missing or cannot be read, holds no
// certificate or key, the key has a passphrase or does not belong to the certificate.
StatusOr<Credentials> LoadCredentials(const TlsFiles& files, Credentials::Time now);

// The two halves of that, for whoever compares contents first.
struct FileContents {
  std::string certificate;
  std::string key;
  std::string ca;
  friend bool operator==(const FileContents&, const FileContents&) = default;
};
StatusOr<FileContents> ReadFiles(const TlsFiles& files);
StatusOr<Credentials> CheckContents(const TlsFiles& files, FileContents contents,
                                    Credentials::Time now);

}  // namespace topgun::tls
