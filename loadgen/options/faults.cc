#include "options/faults.h"

#include "options/option_parser.h"
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

StatusOr<OfflinePlan> ParseOfflinePlan(const std::string& text) {
  const size_t slash = text.find('/');
  const auto bad = [&text] {
    return InvalidArgument("expected AWAY/EVERY with AWAY below EVERY, like 5s/30s, got " + text);
  };
  if (slash == std::string::npos) return bad();
  const auto away = ParseDuration(text.substr(0, slash));
  const auto every = ParseDuration(text.substr(slash + 1));
  if (!away || !every || *away >= *every) return bad();
  return OfflinePlan{*away, *every};
}

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
}

}  // namespace topgun::loadgen
