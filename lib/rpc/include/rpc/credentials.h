// How the services prove to each other who they are: mutual TLS, or plain text where nothing leaves
// the machine.
//
//   const rpc::Credentials credentials = rpc::MakeCredentials(config.grpc_tls);
//   rpc::Server server({.listen = config.grpc, .credentials = credentials}, registry);
//   auto channel = rpc::MakeChannel(address, {.credentials = credentials});
//
// A service shows the same certificate as server and as client. Both ends demand one that the CA
// has signed. A client also demands that it is for the host it meant to reach, or, when peer names
// are given, that it carries one of them; a server then demands the latter, too. The CA should sign
// nothing but the certificates of one cluster.
//
// The files are read again every few seconds: connections made later use what has been replaced,
// streams that live keep what they began with. Replace certificate and key together (Kubernetes
// does, with a link): between the two halves of a change handshakes fail and are tried again.
//
// Credentials are shared: copying is cheap. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tls/credentials.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace topgun::rpc {

struct TlsOptions {
  tls::TlsFiles files = {};                  // all three, or none: plain text
  std::vector<std::string> peer_names = {};  // DNS names, URIs or addresses; see above
  std::chrono::seconds reload{5};            // at least 1

  bool enabled() const { return !files.empty(); }
};

// Plain text unless made by MakeCredentials().
struct Credentials {
  std::shared_ptr<grpc::ServerCredentials> server;    // null: plain text
  std::shared_ptr<grpc::ChannelCredentials> channel;  // null: plain text
};

// A thread reads the files until the last copy is gone. They should have passed CheckTls()
// (tls_settings.h): while they cannot be used handshakes fail, with a line in the log.
Credentials MakeCredentials(const TlsOptions& options);

}  // namespace topgun::rpc
