// The settings of rpc::TlsOptions, the same in every service.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/settings.h"
#include "rpc/credentials.h"

namespace topgun::rpc {

// Adds --grpc-tls-certificate-file, --grpc-tls-key-file, --grpc-tls-ca-file and
// --grpc-tls-peer-names.
void AddTlsSettings(config::Settings& settings, TlsOptions* target);

// An address that is listened on or connected to, and the flag that says so.
struct UsedAddress {
  std::string flag;
  std::string address;
};

// Whether the settings fit together, the files can be loaded, and without them nothing leaves the
// machine in plain text that may not (`allow_plaintext`, see config/plaintext.h).
Status CheckTls(const TlsOptions& options, const std::vector<UsedAddress>& addresses,
                const std::vector<std::string>& allow_plaintext);

// Whether gRPC may reach other machines at all: it has TLS, or plain text is allowed.
bool MayLeaveThisMachine(const TlsOptions& options,
                         const std::vector<std::string>& allow_plaintext);

}  // namespace topgun::rpc
