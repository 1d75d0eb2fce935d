#include "rpc/tls_settings.h"

#include <algorithm>
#include <chrono>

#include "config/plaintext.h"

namespace topgun::rpc {
namespace {

constexpr char kGroup[] = "TLS";
constexpr char kWayOut[] =
    "--grpc-tls-certificate-file, --grpc-tls-key-file and --grpc-tls-ca-file";

}  // namespace

void AddTlsSettings(config::Settings& settings, TlsOptions* target) {
  settings.Add("grpc-tls-certificate-file", &target->files.certificate,
               "Certificate of this service for gRPC, as server and as client; PEM with its chain",
               {.group = kGroup});
  settings.Add("grpc-tls-key-file", &target->files.key, "Key of that certificate, PEM",
               {.group = kGroup});
  settings.Add("grpc-tls-ca-file", &target->files.ca,
               "Who must have signed the certificate of every gRPC peer, PEM", {.group = kGroup});
  settings.Add(
      "grpc-tls-peer-names", &target->peer_names,
      "Names of which the certificate of every gRPC peer must carry one; empty: any client "
      "of the CA, and the host name for servers",
      {.group = kGroup, .max = 64});
}

Status CheckTls(const TlsOptions& options, const std::vector<UsedAddress>& addresses,
                const std::vector<std::string>& allow_plaintext) {
  if (!options.enabled()) {
    if (!options.peer_names.empty()) {
      return InvalidArgument(std::string("--grpc-tls-peer-names: has no effect without ") +
                             kWayOut);
    }
    for (const UsedAddress& used : addresses) {
      RETURN_IF_ERROR(
          config::CheckPlaintext(allow_plaintext, "grpc", used.flag, used.address, kWayOut));
    }
    return OkStatus();
  }
  if (options.files.certificate.empty() || options.files.key.empty() || options.files.ca.empty()) {
    return InvalidArgument(std::string("gRPC with TLS needs all of ") + kWayOut);
  }
  const auto loaded = tls::LoadCredentials(options.files, std::chrono::system_clock::now());
  return Annotate(loaded.status(), "TLS of gRPC");
}

bool MayLeaveThisMachine(const TlsOptions& options,
                         const std::vector<std::string>& allow_plaintext) {
  return options.enabled() ||
         std::find(allow_plaintext.begin(), allow_plaintext.end(), "grpc") != allow_plaintext.end();
}

}  // namespace topgun::rpc
