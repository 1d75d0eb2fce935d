#include "options/load.h"

#include <algorithm>

#include "options/option_parser.h"
#include "workload/identity.h"

namespace topgun::loadgen {

void RegisterLoadOptions(OptionParser& parser, LoadConfig& load) {
  parser.BeginGroup("Load");
  parser.Number("--connections", load.connections, 1, kWritersMax, "Connections that write");
  parser.Number("--batch", load.batch, 1, 65'535, "Operations per OP_BATCH");
  parser.Number("--inflight", load.inflight, 1, 10'000,
                "Closed loop: unacknowledged frames per connection");
  parser.Rate("--rate", load.rate,
              "Open loop: operations per second over all connections, e.g. 50k; latency\n"
              "then counts from the planned send time. 0: closed loop");
  parser.Duration("--duration", load.duration, "Length of the measurement");
  parser.Count("--ops", load.ops,
               "Instead of a duration: so many operations, no warm-up, until all of them\n"
               "are acknowledged");
  parser.Duration("--warmup", load.warmup, "Load before the measurement, not reported");
  parser.Duration("--drain", load.drain_timeout, "Wait for missing acknowledgements at the end");
  parser.Custom(
      "--write-concern", "LEVEL", "",
      [&load](const std::string& text) {
        load.write_concern = wire::WriteConcernOf(text);
        return load.write_concern ? OkStatus() : InvalidArgument("unknown level " + text);
      },
      "Level asked for: FIRE_AND_FORGET, MEMORY, APPLIED, REPLICATED, PERSISTED;\n"
      "default: none, like the stock client");
  parser.Number("--threads", load.threads, 1, 64,
                "Threads, each with its share of the connections");
}

Status FinishLoad(LoadConfig& load) {
  if (load.ops > 0) load.warmup = std::chrono::milliseconds(0);
  load.threads = std::min(load.threads, load.connections);
  return OkStatus();
}

}  // namespace topgun::loadgen
