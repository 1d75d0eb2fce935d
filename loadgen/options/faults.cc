#include "options/faults.h"

#include "options/option_parser.h"
#include "options/target.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

void AddShare(OptionParser& parser, const std::string& name, double& target,
              const std::string& help) {
  parser.Custom(
      name, "SHARE", "0",
      [&target](const std::string& text) {
        ASSIGN_OR_RETURN(target, ParseShare(text));
        return OkStatus();
      },
      help);
}

}  // namespace

void RegisterFaultOptions(OptionParser& parser, FaultsConfig& faults) {
  parser.BeginGroup("Faults");
  parser.Choice<Resend>("--resend", faults.resend,
                        {{"disjoint", Resend::kDisjoint}, {"full", Resend::kFull}},
                        "disjoint: a frame carries new operations only. full: everything\n"
                        "unacknowledged, as the stock client sends it");
  parser.Share("--duplicate", faults.duplicate, "Share of the OP_BATCH frames that are sent twice");
  parser.Rate("--disconnect-rate", faults.disconnect_rate,
              "Writing connections broken per second, at random; they come back with the stock\n"
              "client's backoff and send again");
  parser.Custom(
      "--offline", "AWAY/EVERY", "never",
      [&faults](const std::string& text) {
        ASSIGN_OR_RETURN(faults.offline, ParseOfflinePlan(text));
        return OkStatus();
      },
      "Every writing connection is away for AWAY once every EVERY, like 5s/30s; with --rate it\n"
      "goes on writing into its log meanwhile");
  AddShare(parser, "--slow-reader", faults.slow_readers,
           "Share of the --subscribers that stop reading once they are subscribed, like 20%; the\n"
           "server must get rid of them");
  AddShare(parser, "--half-open", faults.half_open,
           "Share of the idle scenario's connections that send nothing any more, without closing");
  parser.Texts(
      "--proxy-fault", "KIND:VALUE,...", faults.proxy_specs,
      "The connections go through a proxy of this process that makes the network bad, both\n"
      "ways; repeatable. latency:50ms; jitter:20ms (up to so much more, in order);\n"
      "bandwidth:1MB/s (each connection, each way); cut:0.5/s (resets a random one);\n"
      "stall:2s/30s (nothing passes for the last 2 s of every 30 s); refuse:5% (of the new\n"
      "ones). Cuts and stalls begin with the load, and they and refusals end with it",
      ',');
}

Status FinishFaults(FaultsConfig& faults, const TargetConfig& target) {
  ASSIGN_OR_RETURN(faults.proxy, ParseProxyFaults(faults.proxy_specs));
  if (faults.proxy.any() && !target.source_ips.empty()) {
    return InvalidArgument(
        "--proxy-fault does not go with --source-ips: the proxy connects from one address");
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
