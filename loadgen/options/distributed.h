// Several load generators that act as one.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rpc/credentials.h"

namespace topgun::loadgen {

class OptionParser;

struct DistributedConfig {
  std::vector<std::string> agents;  // host:port; empty: this process drives the load itself
  rpc::TlsOptions tls;              // between coordinator and agents
};

void RegisterDistributedOptions(OptionParser& parser, DistributedConfig& distributed);
// The certificate of a coordinator or an agent, and whom it trusts.
void RegisterTlsOptions(OptionParser& parser, rpc::TlsOptions& tls);
// Does not look at the files: an agent reads the coordinator's command line, too.
Status FinishDistributed(DistributedConfig& distributed);

}  // namespace topgun::loadgen
