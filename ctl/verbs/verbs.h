// The verbs of topgunctl, a file each. All print to stdout, errors to stderr, and return an exit
// code of session.h.
#pragma once

#include <string>
#include <vector>

#include "session.h"

namespace topgun::ctl {

int RunStatus(const Session& session);
int RunDoctor(const Session& session);

struct ConnectionsOptions {
  std::string subject;  // only theirs
  size_t limit = 1'000;
};
int RunConnections(const Session& session, const ConnectionsOptions& options);
// `which` is GATEWAY/ID as the list shows it.
int RunConnectionsKill(const Session& session, const std::string& which);

int RunSubscriptions(const Session& session);

struct MapsOptions {
  std::string from;  // a gateway or sync service; empty: whoever is known, gateways first
  bool all = false;  // reserved ones and counters, too
};
int RunMaps(const Session& session, const MapsOptions& options);

struct MerkleDiffOptions {
  std::string map;
  std::string kind = "lww";
  std::vector<std::string> between;  // two gateways or sync services
  size_t keys_max = 100;             // shown
  double recheck_seconds = 1;
};
int RunMerkleDiff(const Session& session, const MerkleDiffOptions& options);

struct DrainOptions {
  std::string target;
  bool cancel = false;
  bool wait = false;
};
int RunDrain(const Session& session, const DrainOptions& options);

// No targets: all.
int RunReload(const Session& session, const std::vector<std::string>& targets);

int RunPolicyList(const Session& session);
int RunPolicyGet(const Session& session, const std::string& id);
int RunPolicyPut(const Session& session, const std::string& file);  // "-": stdin
int RunPolicyDelete(const Session& session, const std::string& id);

struct TokenMakeOptions {
  std::string secret_file;  // empty: of the local cluster
  std::string subject;
  std::vector<std::string> roles;
  double ttl_seconds = 3'600;
  std::string issuer;
  std::string audience;
};
int RunTokenMake(const Session& session, const TokenMakeOptions& options);
struct TokenCheckOptions {
  std::string token_file;  // "-": stdin
  std::string secret_file;
  std::string issuer;
  std::string audience;
};
int RunTokenCheck(const Session& session, const TokenCheckOptions& options);

// Runs the service's own check; replaces this process.
int RunConfigCheck(const std::string& service, const std::vector<std::string>& arguments);

}  // namespace topgun::ctl
