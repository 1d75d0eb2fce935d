#include "options/distributed.h"

#include <algorithm>

#include "options/option_parser.h"

namespace topgun::loadgen {

void RegisterDistributedOptions(OptionParser& parser, DistributedConfig& distributed) {
  parser.BeginGroup("Distributed");
  parser.Texts("--agents", "HOST:PORT,...", distributed.agents,
               "Agents that drive the load, each a part of it: `topgun-loadgen agent` there.\n"
               "They must reach the same --url, and have JWT_SECRET in their own environment",
               ',');
  RegisterTlsOptions(parser, distributed.tls);
}

void RegisterTlsOptions(OptionParser& parser, rpc::TlsOptions& tls) {
  parser.Text("--grpc-tls-certificate-file", "FILE", tls.files.certificate,
              "Certificate of this process for coordinator and agents, PEM; without it they talk\n"
              "in plain text");
  parser.Text("--grpc-tls-key-file", "FILE", tls.files.key, "Key of that certificate, PEM");
  parser.Text("--grpc-tls-ca-file", "FILE", tls.files.ca,
              "Who must have signed the certificate of the other side, PEM");
}

Status FinishDistributed(DistributedConfig& distributed) {
  std::vector<std::string>& agents = distributed.agents;
  std::erase(agents, "");
  for (size_t i = 0; i < agents.size(); ++i) {
    const size_t colon = agents[i].rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == agents[i].size() ||
        agents[i].find_first_not_of("0123456789", colon + 1) != std::string::npos) {
      return InvalidArgument("--agents: expected HOST:PORT, got " + agents[i]);
    }
    if (std::find(agents.begin(), agents.begin() + static_cast<std::ptrdiff_t>(i), agents[i]) !=
        agents.begin() + static_cast<std::ptrdiff_t>(i)) {
      return InvalidArgument("--agents: " + agents[i] + " is named twice");
    }
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
