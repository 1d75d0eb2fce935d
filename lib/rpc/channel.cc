#include "rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "connection_rules.h"
#include "grpc_setup.h"

namespace topgun::rpc {
namespace {

// Follows the health of the server: no new call goes to one that says it does not serve.
constexpr char kLeaveWhoDoesNotServe[] = R"({"healthCheckConfig":{"serviceName":""}})";

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ChannelOptions& options) {
  SetUpGrpc();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(ToInt(options.message_bytes_max));
  arguments.SetMaxSendMessageSize(ToInt(options.message_bytes_max));
  arguments.SetLoadBalancingPolicyName("round_robin");
  if (options.follow_health) arguments.SetServiceConfigJSON(kLeaveWhoDoesNotServe);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, ToInt(kPingInterval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ToInt(kPingTimeout));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // any number
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, ToInt(kReconnectBackoffMin));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, ToInt(options.connect_timeout_min));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, ToInt(kReconnectBackoffMax));
  const auto& credentials = options.credentials.channel;
  if (credentials && !options.server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.server_name);
  }
  return grpc::CreateCustomChannel(
      address, credentials ? credentials : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace topgun::rpc
