#include "target_options.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace topgun::ctl {
namespace {

CLI::Option& AddList(CLI::App& app, const char* name, std::vector<std::string>& target,
                     const char* help) {
  return *app.add_option(name, target, help)->delimiter(',')->allow_extra_args(false);
}

void AddTargets(CLI::App& app, SessionOptions& options) {
  const std::string group = "Whom to ask";
  app.add_option("--data", options.data_dir, "Folder of a local cluster (./topgun up)")
      ->type_name("DIR")
      ->group(group);
  AddList(app, "--admin", options.admin,
          "Admin ports, host[:9090],...; every address of a name counts")
      .envname("TOPGUNCTL_ADMIN")
      ->type_name("ADDRESSES")
      ->group(group);
  AddList(app, "--gateway", options.gateways, "Gateways for maps, merkle and policy")
      .envname("TOPGUNCTL_GATEWAY")
      ->type_name("URLS")
      ->group(group);
  AddList(app, "--rpc", options.rpc,
          "gRPC of sync and storage services, [NAME=]host:port,..., for status, doctor, maps and "
          "merkle; every address of a name counts")
      .envname("TOPGUNCTL_RPC")
      ->type_name("ADDRESSES")
      ->group(group);
  app.add_option("--timeout", options.timeout_seconds, "Seconds to wait for an answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 600.0).description(""))
      ->capture_default_str()
      ->group(group);
}

void AddTls(CLI::App& app, SessionOptions& options) {
  const std::string group = "TLS";
  const auto add_file = [&](const char* name, std::string& target, const char* help) {
    return app.add_option(name, target, help)->type_name("FILE")->group(group);
  };
  add_file("--ca-file", options.ca_file, "Authorities to trust for https, PEM");
  // Of the same names as in the services, so that one environment does for all.
  tls::TlsFiles& files = options.rpc_tls.files;
  add_file("--grpc-tls-certificate-file", files.certificate,
           "Certificate to show to gRPC servers, PEM")
      ->envname("TOPGUN_GRPC_TLS_CERTIFICATE_FILE");
  add_file("--grpc-tls-key-file", files.key, "Key of that certificate, PEM")
      ->envname("TOPGUN_GRPC_TLS_KEY_FILE");
  add_file("--grpc-tls-ca-file", files.ca,
           "Who must have signed the certificates of gRPC servers, PEM")
      ->envname("TOPGUN_GRPC_TLS_CA_FILE");
  AddList(app, "--grpc-tls-peer-names", options.rpc_tls.peer_names,
          "Names of which their certificates must carry one; else the host that was asked for")
      .envname("TOPGUN_GRPC_TLS_PEER_NAMES")
      ->type_name("NAMES")
      ->group(group);
  AddList(app, "--allow-plaintext", options.allow_plaintext,
          "grpc: reach gRPC servers on other machines without TLS, in private networks")
      .envname("TOPGUN_ALLOW_PLAINTEXT")
      ->type_name("HOPS")
      ->check(CLI::IsMember({"clients", "grpc", "redis", "postgres"}).description(""))
      ->group(group);
}

void AddLogin(CLI::App& app, SessionOptions& options) {
  const std::string group = "As whom";
  app.add_option("--token-file", options.token_file,
                 "An administrator's token [or its text in TOPGUNCTL_TOKEN]")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--secret-file", options.secret_file,
                 "The secret of tokens, to make one; by default the local cluster's")
      ->type_name("FILE")
      ->group(group);
}

}  // namespace

void AddTargetOptions(CLI::App& app, SessionOptions& options) {
  AddTargets(app, options);
  AddTls(app, options);
  AddLogin(app, options);
}

}  // namespace topgun::ctl
