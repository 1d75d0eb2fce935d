#include "options/clients.h"

#include "options/option_parser.h"
#include "workload/identity.h"

namespace topgun::loadgen {

void RegisterClientOptions(OptionParser& parser, ClientsConfig& clients) {
  parser.BeginGroup("Other clients");
  parser.Number("--subscribers", clients.subscribers, 0, kWritersMax,
                "Connections that subscribe to all maps and time the propagation");
  parser.Rate("--conn-rate", clients.connect_rate,
              "Connections begun per second. 0: all at once; connect-storm: as fast as they end");
}

}  // namespace topgun::loadgen
