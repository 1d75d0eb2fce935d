// OpenSSL contexts with this cluster's rules: TLS 1.2 or newer, forward secrecy and authenticated
// encryption only, no renegotiation, idle connections without buffers.
//
// A context never changes; new credentials make a new one (see reloader.h). Whatever is made with
// it keeps its ContextPtr, as Session does. Any thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "tls/credentials.h"

namespace topgun::tls {

using ContextPtr = std::shared_ptr<SSL_CTX>;

struct ServerRules {
  // Clients must show a certificate that the CA file has signed.
  bool require_client_certificate = false;
  // Protocols that may be chosen when a client names some; with none in common it is refused.
  std::vector<std::string> alpn;
};

struct ClientRules {
  // Of the server's certificate: by the CA file, or by the system's authorities without one. The
  // name is checked by the stream that knows it (Session::SetServerName).
  bool verify = true;
  std::vector<std::string> alpn;
};

StatusOr<ContextPtr> MakeServerContext(const Credentials& credentials, const ServerRules& rules);
StatusOr<ContextPtr> MakeClientContext(const Credentials& credentials, const ClientRules& rules);

// What OpenSSL says about its last error on this thread; empties its queue.
std::string LastError();

}  // namespace topgun::tls
