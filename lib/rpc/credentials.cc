#include "rpc/credentials.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "grpc_setup.h"

namespace topgun::rpc {
namespace {

namespace tls_api = grpc::experimental;

// The peer's certificate, which gRPC has found to be signed by the CA, carries one of these names.
class NamedPeer final : public tls_api::ExternalCertificateVerifier {
 public:
  explicit NamedPeer(std::vector<std::string> names) : names_(std::move(names)) {}

  // Always ends before it returns, which gRPC is told by `true`.
  bool Verify(tls_api::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* result) override {
    for (const auto& names : {request->dns_names(), request->uri_names(), request->ip_names()}) {
      if (std::any_of(names.begin(), names.end(),
                      [this](const grpc::string_ref& name) { return IsExpected(name); })) {
        return true;
      }
    }
    *result = grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                           "the peer's certificate carries none of --grpc-tls-peer-names");
    return true;
  }
  void Cancel(tls_api::TlsCustomVerificationCheckRequest*) override {}

 private:
  bool IsExpected(const grpc::string_ref& name) const {
    const std::string_view text(name.data(), name.size());
    return std::find(names_.begin(), names_.end(), text) != names_.end();
  }

  const std::vector<std::string> names_;
};

// Without names gRPC's own rule applies: the host name at a client, nothing more at a server.
void DemandNames(const TlsOptions& options, tls_api::TlsCredentialsOptions& credentials) {
  if (options.peer_names.empty()) return;
  credentials.set_certificate_verifier(
      tls_api::ExternalCertificateVerifier::Create<NamedPeer>(options.peer_names));
  credentials.set_check_call_host(false);  // would compare the host name after all
}

}  // namespace

Credentials MakeCredentials(const TlsOptions& options) {
  if (!options.enabled()) return {};
  SetUpGrpc();
  const auto files = std::make_shared<tls_api::FileWatcherCertificateProvider>(
      options.files.key, options.files.certificate, options.files.ca,
      static_cast<unsigned>(options.reload.count()));

  tls_api::TlsServerCredentialsOptions server(files);
  server.watch_identity_key_cert_pairs();
  server.watch_root_certs();
  server.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  DemandNames(options, server);

  tls_api::TlsChannelCredentialsOptions channel;
  channel.set_certificate_provider(files);
  channel.watch_identity_key_cert_pairs();
  channel.watch_root_certs();
  DemandNames(options, channel);

  return {tls_api::TlsServerCredentials(server), tls_api::TlsCredentials(channel)};
}

}  // namespace topgun::rpc
