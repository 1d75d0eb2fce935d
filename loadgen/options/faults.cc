#include "options/faults.h"

#include "options/load.h"
#include "options/option_parser.h"
#include "options/target.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kKillEvery{10'000};  // unless it is said
constexpr double kReorderMax = 0.5;

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

void AddKill(OptionParser& parser, FaultsConfig& faults) {
  parser.Custom(
      "--kill-cmd", "COMMAND", "",
      [&faults](const std::string& text) {
        if (text.find_first_not_of(" \t\n") == std::string::npos) {
          return InvalidArgument("expected a command of the shell");
        }
        faults.kill_command = text;
        return OkStatus();
      },
      "Runs COMMAND with /bin/sh once every --kill-every while load is measured, never two at a\n"
      "time, like 'pkill -9 topgun-sync'; with --agents here, not there. What it says goes to\n"
      "stderr. At the end of the run it has 2 s, then its process group is killed");
  parser.Custom(
      "--kill-every", "TIME", DurationText(kKillEvery),
      [&faults](const std::string& text) {
        const auto time = ParseDuration(text);
        if (!time || time->count() == 0) {
          return InvalidArgument("expected a time like 10s, got " + text);
        }
        faults.kill_every = *time;
        return OkStatus();
      },
      "How often --kill-cmd runs, the first time so long after the measurement has begun");
}

Status FinishKill(FaultsConfig& faults) {
  if (faults.kill_command.empty()) {
    return faults.kill_every.count() == 0
               ? OkStatus()
               : InvalidArgument("--kill-every is for --kill-cmd, which is not given");
  }
  if (faults.kill_every.count() == 0) faults.kill_every = kKillEvery;
  return OkStatus();
}

Status CheckReorder(const FaultsConfig& faults, const LoadConfig& load) {
  if (faults.reorder == 0) return OkStatus();
  if (faults.reorder > kReorderMax) {
    return InvalidArgument(
        "--reorder: at most 50%, since every frame that is held back needs one that overtakes it");
  }
  if (faults.resend == Resend::kFull) {
    return InvalidArgument(
        "--reorder does not go with --resend full: the next frame would carry what is held back");
  }
  if (!load.open_loop() && load.inflight < 2) {
    return InvalidArgument(
        "--reorder needs another frame that overtakes: --inflight 2 at least, or a --rate");
  }
  return OkStatus();
}

}  // namespace

void RegisterFaultOptions(OptionParser& parser, FaultsConfig& faults) {
  parser.BeginGroup("Faults");
  parser.Choice<Resend>("--resend", faults.resend,
                        {{"disjoint", Resend::kDisjoint}, {"full", Resend::kFull}},
                        "disjoint: a frame carries new operations only. full: everything\n"
                        "unacknowledged, as the stock client sends it");
  parser.Share("--duplicate", faults.duplicate, "Share of the OP_BATCH frames that are sent twice");
  AddShare(
      parser, "--reorder", faults.reorder,
      "Share of the OP_BATCH frames that are held back and leave behind the next one of their\n"
      "connection, like 5%; at most 50%");
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
  AddKill(parser, faults);
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

Status FinishFaults(FaultsConfig& faults, const TargetConfig& target, const LoadConfig& load) {
  RETURN_IF_ERROR(FinishKill(faults));
  RETURN_IF_ERROR(CheckReorder(faults, load));
  ASSIGN_OR_RETURN(faults.proxy, ParseProxyFaults(faults.proxy_specs));
  if (faults.proxy.any() && !target.source_ips.empty()) {
    return InvalidArgument(
        "--proxy-fault does not go with --source-ips: the proxy connects from one address");
  }
  return OkStatus();
}

Status CheckKillTime(const FaultsConfig& faults, milliseconds duration) {
  if (faults.kill_command.empty() || faults.kill_every < duration) return OkStatus();
  return InvalidArgument("--kill-every " + DurationText(faults.kill_every) + ": a measurement of " +
                         DurationText(duration) + " is over before --kill-cmd runs once");
}

}  // namespace topgun::loadgen
