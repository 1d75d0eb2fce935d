// Channels to other services, with one set of connection rules.
//
// A channel may be shared by any number of threads and stubs. It connects in the background and
// reconnects with a backoff of 50 ms to 1 s, sends keepalive pings so that a dead peer is noticed
// within 30 s, spreads calls over all addresses of the target, and has its own connection: the
// connections of two channels are never merged (LOCAL subchannel pool). A server whose health
// service says NOT_SERVING gets no new calls, as if it were not connected; what is running goes on.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "rpc/credentials.h"
#include "rpc/server.h"

namespace topgun::rpc {

struct ChannelOptions {
  Credentials credentials = {};  // plain text by default
  // With TLS: the host that the server's certificate must be for, when it is not the one in the
  // address, which may have been resolved from a name.
  std::string server_name = {};
  uint64_t message_bytes_max = kMessageBytesMax;
  // False: calls reach a server that says NOT_SERVING, too. For tools that look at it.
  bool follow_health = true;
  // Least time an attempt to connect may take, also the first; a call fails with it. Longer for
  // tools that ask once, from afar.
  std::chrono::milliseconds connect_timeout_min{50};
};

// `address` is a gRPC target: host:port, dns:///host:port or unix:path.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ChannelOptions& options = {});

}  // namespace topgun::rpc
