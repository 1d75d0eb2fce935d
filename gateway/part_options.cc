#include "part_options.h"

#include <algorithm>
#include <string>
#include <utility>

namespace topgun::gateway {
namespace {

// Server timestamps name the gateway in characters whose order all engines agree on (core.md 3.2).
std::string StampNodeId(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '-';
  }
  return name;
}

// Where clients connect; the configuration has passed its checks.
std::string HostOf(const Config& config) {
  const StatusOr<ListenAddress> address = ListenAddressOf(config);
  return address.ok() ? address->host : std::string();
}

}  // namespace

DispatchOptions DispatchOptionsOf(const Config& config) {
  DispatchOptions options;
  options.forward_auth_errors = config.forward_auth_errors;
  options.auth_timeout = config.auth_timeout;
  options.idle_timeout = config.idle_timeout;
  options.ops_per_second = config.ops_per_second;
  options.ops_burst = config.ops_burst;
  options.message_bytes_max = config.message_bytes_max;
  options.revivals_per_second = config.revivals_per_second;
  options.drain = {.window = config.drain_window, .patience = config.drain};
  options.connection_age_max = config.connection_age_max;
  options.op_limits.value_bytes_max = config.value_bytes_max;
  return options;
}

ListenerLimits ListenerLimitsOf(const Config& config) {
  ListenerLimits limits;
  limits.connections_max = config.connections_max;
  limits.http_body_bytes_max = config.message_bytes_max;
  limits.outbound.push_bytes_max = config.push_bytes_max;
  limits.outbound.reply_bytes_max = config.reply_bytes_max;
  return limits;
}

AdminLoginOptions LoginOptionsOf(const Config& config) {
  return {.username = config.admin_username,
          .password = config.admin_password,
          .jwt_secret = config.jwt_secret,
          .issuer = config.jwt_issuer,
          .audience = config.jwt_audience};
}

SettingsInfo SettingsInfoOf(const Config& started, const Config& config) {
  SettingsInfo info;
  info.host = HostOf(started);
  info.require_auth = !started.no_auth;
  info.log_level = config.log_level;
  info.max_value_bytes = config.value_bytes_max;
  return info;
}

LoopOptions LoopOptionsOf(const Config& config, const rpc::Credentials& credentials,
                          const OriginPrefix& prefix, size_t index) {
  LoopOptions options;
  options.index = index;
  options.origin_prefix = prefix;
  options.shard_count = config.shards;
  options.sync_credentials = credentials;
  options.inflight_bytes_max = config.inflight_bytes_max;
  options.dispatch = DispatchOptionsOf(config);
  options.admin_subjects = config.admin_subjects;
  options.fan_out.subscriptions_max = config.subscriptions_max;
  options.journal.enabled = config.journal_enabled;
  options.search.live.subscriptions_max = config.subscriptions_max;
  options.map_sync.node_id = StampNodeId(config.name);
  options.counters.state_bytes_max =
      std::min(options.counters.state_bytes_max, config.push_bytes_max / 2);
  options.http.cors_origins = config.cors_origins;
  options.http.trusted_proxy = config.trusted_proxy;
  options.sync.node_id = StampNodeId(config.name);
  options.sync.op_limits = options.dispatch.op_limits;
  options.auth.auth_required = !config.no_auth;
  options.auth.login_on_loopback_only = config.no_auth;
  options.admin.mounted = ServesAdministration(config);
  options.admin.settings = SettingsInfoOf(config, config);
  options.cluster.self.id = config.node_id;
  options.cluster.self.host = config.advertise_host;
  options.cluster.self.url = config.advertise_url;
  options.cluster.membership = config.membership;
  return options;
}

}  // namespace topgun::gateway
