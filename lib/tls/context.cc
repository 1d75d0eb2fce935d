#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string_view>
#include <utility>

#include "pem.h"

namespace topgun::tls {
namespace {

// Names of OpenSSL for TLS 1.2; those of TLS 1.3 are all good.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// One system call brings many small records.
constexpr size_t kReadBufferBytes = size_t{32} << 10;
constexpr std::string_view kSessionContext = "topgun";

Status Failed(std::string_view doing) {
  return InvalidArgument(std::string(doing).append(": ").append(LastError()));
}

// The list as it goes over the wire: every name behind its length.
std::string WireFormat(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& name : protocols) {
    wire.push_back(static_cast<char>(name.size()));
    wire.append(name);
  }
  return wire;
}

StatusOr<ContextPtr> MakeContext(const SSL_METHOD* method) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr) return Failed("TLS context");
  SSL_CTX* const raw = context.get();
  if (SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(raw, kCiphers) != 1) {
    return Failed("TLS versions and ciphers");
  }
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_default_read_buffer_len(raw, kReadBufferBytes);
  return context;
}

Status UseCertificate(SSL_CTX* context, const Credentials& credentials) {
  if (credentials.certificate_pem.empty()) return OkStatus();
  const CertificateList chain = ParseCertificates(credentials.certificate_pem);
  if (chain.empty() || SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return Failed("TLS certificate");
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return Failed("TLS certificate");
  }
  StatusOr<KeyPtr> key = ParseKey(credentials.key_pem);
  if (!key.ok() || SSL_CTX_use_PrivateKey(context, key->get()) != 1) return Failed("TLS key");
  return OkStatus();
}

Status UseAuthorities(SSL_CTX* context, const Credentials& credentials, bool name_them) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const CertificatePtr& ca : ParseCertificates(credentials.ca_pem)) {
    if (X509_STORE_add_cert(store, ca.get()) != 1) return Failed("TLS authorities");
    // Clients choose a certificate by these names.
    if (name_them && SSL_CTX_add_client_CA(context, ca.get()) != 1) {
      return Failed("TLS authorities");
    }
  }
  return OkStatus();
}

// `wire` is the server's list, in the order it prefers.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void* wire) {
  const auto& ours = *static_cast<const std::string*>(wire);
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// The context with the list that its callback refers to.
struct WithProtocols {
  std::string wire;
  ContextPtr context;
};

}  // namespace

std::string LastError() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

StatusOr<ContextPtr> MakeServerContext(const Credentials& credentials, const ServerRules& rules) {
  if (credentials.certificate_pem.empty()) {
    return InvalidArgument("a TLS server needs a certificate and its key");
  }
  ASSIGN_OR_RETURN(const ContextPtr context, MakeContext(TLS_server_method()));
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  RETURN_IF_ERROR(UseCertificate(raw, credentials));
  if (rules.require_client_certificate) {
    if (credentials.ca_pem.empty()) {
      return InvalidArgument("client certificates are required, but there is no CA file");
    }
    RETURN_IF_ERROR(UseAuthorities(raw, credentials, true));
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Without one, clients that resume a session would be refused.
    SSL_CTX_set_session_id_context(raw,
                                   reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                   static_cast<unsigned int>(kSessionContext.size()));
  }
  if (rules.alpn.empty()) return context;
  auto kept = std::make_shared<WithProtocols>(WithProtocols{WireFormat(rules.alpn), context});
  SSL_CTX_set_alpn_select_cb(raw, ChooseProtocol, &kept->wire);
  return ContextPtr(std::move(kept), raw);
}

StatusOr<ContextPtr> MakeClientContext(const Credentials& credentials, const ClientRules& rules) {
  ASSIGN_OR_RETURN(ContextPtr context, MakeContext(TLS_client_method()));
  SSL_CTX* const raw = context.get();
  RETURN_IF_ERROR(UseCertificate(raw, credentials));
  if (rules.verify) {
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    if (credentials.ca_pem.empty()) {
      if (SSL_CTX_set_default_verify_paths(raw) != 1) return Failed("TLS authorities");
    } else {
      RETURN_IF_ERROR(UseAuthorities(raw, credentials, false));
    }
  }
  const std::string wire = WireFormat(rules.alpn);
  if (!wire.empty() &&
      SSL_CTX_set_alpn_protos(raw, reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned int>(wire.size())) != 0) {
    return Failed("TLS application protocols");
  }
  return context;
}

}  // namespace topgun::tls
