#include "options/load.h"

#include <sched.h>

#include <algorithm>

#include "options/option_parser.h"
#include "options/values.h"
#include "workload/identity.h"

namespace topgun::loadgen {
namespace {

double SecondsOf(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1e3; }

void RegisterModel(OptionParser& parser, LoadConfig& load) {
  parser.Choice<LoadMode>(
      "--mode", load.mode, {{"open", LoadMode::kOpen}, {"closed", LoadMode::kClosed}},
      "closed: a connection sends its next frame when one is acknowledged. open: frames\n"
      "leave by a schedule, latency counts from the planned send time. Default: open when\n"
      "a rate is given, else closed");
  parser.Rate("--rate", load.rate,
              "Open loop: operations per second over all connections, e.g. 50k");
  parser.Custom(
      "--ramp", "FROM:TIME:TO", "",
      [&load](const std::string& text) {
        ASSIGN_OR_RETURN(load.ramp, ParseRamp(text));
        return OkStatus();
      },
      "Open loop: a rate that goes from FROM to TO within TIME and stays, e.g. 0:60s:50k;\n"
      "without warm-up");
  parser.Number("--inflight", load.inflight, 1, 10'000,
                "Closed loop: unacknowledged frames per connection; with --http-sync always 1");
  parser.Custom(
      "--think", "KIND:TIME", "none",
      [&load](const std::string& text) {
        ASSIGN_OR_RETURN(load.think, ParseThinkTime(text));
        return OkStatus();
      },
      "Closed loop: pause between an answer and the next frame, fixed:20ms or exp:20ms");
}

void RegisterLengths(OptionParser& parser, LoadConfig& load) {
  parser.Duration("--warmup", load.warmup, "Load before the measurement, not reported");
  parser.Duration("--duration", load.duration, "Length of the measurement");
  parser.Count("--ops", load.ops,
               "Instead of a duration: so many operations, no warm-up, until all of them\n"
               "are acknowledged");
  parser.Duration("--cooldown", load.cooldown,
                  "Load after the measurement, so that its end is not seen in the figures");
  parser.Duration("--drain", load.drain_timeout, "Wait for missing acknowledgements at the end");
}

Status FinishModel(LoadConfig& load) {
  if (load.mode == LoadMode::kClosed) {
    load.rate = 0;
    load.ramp.reset();
  } else if (load.mode == LoadMode::kOpen && load.rate == 0 && !load.ramp) {
    return InvalidArgument("--mode open needs --rate or --ramp");
  }
  if (load.ramp) {
    if (load.ops > 0) return InvalidArgument("--ramp needs a --duration, not --ops");
    load.warmup = std::chrono::milliseconds(0);
    const double seconds = SecondsOf(load.duration);
    load.rate = seconds > 0 ? load.ramp->OpsUntil(seconds) / seconds : 0;
    if (load.rate <= 0) return InvalidArgument("--ramp: nothing would be sent in --duration");
  }
  if (load.think.kind != ThinkTime::Kind::kNone && load.open_loop()) {
    return InvalidArgument("--think is for closed loops: leave out --rate, or say --mode closed");
  }
  return OkStatus();
}

Status FinishPin(LoadConfig& load) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  load.cpus.clear();
  for (const std::string& text : load.pin) {
    const auto cpu = ParseCount(text);
    if (!cpu || *cpu >= CPU_SETSIZE || !CPU_ISSET(*cpu, &allowed)) {
      return InvalidArgument("--pin: no such CPU for this process: " + text);
    }
    load.cpus.push_back(static_cast<uint32_t>(*cpu));
  }
  return OkStatus();
}

}  // namespace

void RegisterLoadOptions(OptionParser& parser, LoadConfig& load) {
  parser.BeginGroup("Load");
  parser.Number("--connections", load.connections, 1, kWritersMax, "Connections that write");
  parser.Number("--batch", load.batch, 1, 65'535, "Operations per OP_BATCH");
  RegisterModel(parser, load);
  RegisterLengths(parser, load);
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
  parser.Texts("--pin", "CPU,...", load.pin, "CPUs that the threads are bound to, in turn", ',');
}

Status FinishLoad(LoadConfig& load) {
  if (load.ops > 0) load.warmup = std::chrono::milliseconds(0);
  load.threads = std::min(load.threads, load.connections);
  RETURN_IF_ERROR(FinishModel(load));
  return FinishPin(load);
}

StatusOr<RateCurve> ParseRamp(const std::string& text) {
  const size_t first = text.find(':');
  const size_t second = text.find(':', std::min(first, text.size() - 1) + 1);
  if (first == std::string::npos || second == std::string::npos) {
    return InvalidArgument("expected FROM:TIME:TO, like 0:60s:50k, got " + text);
  }
  const auto from = ParseRate(text.substr(0, first));
  const auto time = ParseDuration(text.substr(first + 1, second - first - 1));
  const auto to = ParseRate(text.substr(second + 1));
  if (!from || !to) return InvalidArgument("expected rates like 50k around the time, got " + text);
  if (!time || time->count() == 0) {
    return InvalidArgument("expected a time like 60s between the rates, got " + text);
  }
  return RateCurve{*from, *to, SecondsOf(*time)};
}

}  // namespace topgun::loadgen
