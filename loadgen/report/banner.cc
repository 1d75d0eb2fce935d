#include "report/banner.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "base/build_info.h"
#include "options/scenario.h"
#include "report/text.h"
#include "workload/identity.h"

namespace topgun::loadgen {
namespace {

std::string Seconds(std::chrono::milliseconds time) {
  return Fixed(static_cast<double>(time.count()) / 1000.0, time.count() % 1000 == 0 ? 0 : 1) + " s";
}

const char* Name(MapType type) {
  return type == MapType::kLww ? "lww" : type == MapType::kOr ? "or" : "mixed";
}

const char* Name(ValueKind kind) {
  return kind == ValueKind::kJson ? "json" : kind == ValueKind::kText ? "text" : "blob";
}

std::string Model(const LoadConfig& load, bool http) {
  if (load.ramp) {
    return "open loop, " + Grouped(load.ramp->from) + " to " + Grouped(load.ramp->to) +
           " ops/s within " + Fixed(load.ramp->ramp_s, 0) + " s";
  }
  if (load.open_loop()) return "open loop, " + Grouped(load.rate) + " ops/s";
  const std::string window =
      std::to_string(load.inflight) + (http ? " request" : " frames") + " in flight";
  return "closed loop, " + window +
         (load.think.kind == ThinkTime::Kind::kNone ? "" : ", think time " + load.think.Text());
}

std::string Length(const LoadConfig& load) {
  if (load.ops > 0) return Grouped(load.ops) + " operations";
  std::string text = Seconds(load.duration) + " after " + Seconds(load.warmup) + " of warm-up";
  if (load.cooldown.count() > 0) text += ", then " + Seconds(load.cooldown) + " of cool-down";
  return text;
}

std::string Percent(double share) {
  return Fixed(share * 100, share > 0 && share < 0.01 ? 2 : 0) + " %";
}

// What is rarely asked for is told only then.
void AddExtras(const Config& config, Parameters& all) {
  const DataConfig& data = config.data;
  if (data.mix.reads() > 0) {
    all.emplace_back("rows per query",
                     data.query_rows == 0 ? "all" : Grouped(uint64_t{data.query_rows}));
  }
  if (data.ttl_ratio > 0) {
    all.emplace_back("records with TTL", Percent(data.ttl_ratio) + ", " + Seconds(data.ttl));
  }
  if (data.preload) all.emplace_back("preload", "every key once");
  if (data.clock_skew.count() > 0) {
    all.emplace_back("clock skew", "up to " + Seconds(data.clock_skew));
  }
  if (config.faults.duplicate > 0) {
    all.emplace_back("frames sent twice", Percent(config.faults.duplicate));
  }
  if (config.faults.reorder > 0) {
    all.emplace_back("out of order", Percent(config.faults.reorder) + " of the frames");
  }
  if (config.load.cpus.empty()) return;
  std::string cpus;
  for (const uint32_t cpu : config.load.cpus)
    cpus += (cpus.empty() ? "" : ", ") + std::to_string(cpu);
  all.emplace_back("bound to CPU", cpus);
}

void AddFaults(const FaultsConfig& faults, Parameters& all) {
  if (faults.disconnect_rate > 0) {
    all.emplace_back("broken per second", Fixed(faults.disconnect_rate, 1));
  }
  if (faults.offline.away.count() > 0) {
    all.emplace_back("away", Seconds(faults.offline.away) + " of " + Seconds(faults.offline.every));
  }
  if (faults.slow_readers > 0) {
    all.emplace_back("slow readers", Fixed(faults.slow_readers * 100, 0) + " % of the subscribers");
  }
  if (faults.proxy.any()) all.emplace_back("fault proxy", faults.proxy.Text());
  if (!faults.kill_command.empty()) {
    all.emplace_back("kill command",
                     "every " + Seconds(faults.kill_every) + ": " + faults.kill_command);
  }
  if (faults.half_open > 0) {
    all.emplace_back("half open", Fixed(faults.half_open * 100, 0) + " %");
  }
}

void AddMerkle(const Config& config, Parameters& all) {
  if (FindScenario(config.scenario)->kind != ScenarioKind::kMerkle) return;
  const MerkleConfig& merkle = config.merkle;
  const std::string some = Grouped(merkle.behind) + " keys, " +
                           (merkle.spread == MerkleSpread::kNewest ? "the newest" : "at random");
  all.emplace_back("a client lacks", merkle.lack == MerkleLack::kNothing ? "nothing"
                                     : merkle.lack == MerkleLack::kSome  ? some
                                                                         : "everything");
  all.emplace_back("syncs", Grouped(merkle.syncs) + " per connection");
}

}  // namespace

Parameters DescribeConfig(const Config& config) {
  std::string urls;
  for (const std::string& url : config.target.urls) urls += (urls.empty() ? "" : ", ") + url;
  Parameters all;
  all.emplace_back("scenario", config.scenario);
  all.emplace_back("target", urls);
  all.emplace_back("model", Model(config.load, config.target.http_sync));
  if (config.target.http_sync) all.emplace_back("transport", "POST /sync");
  all.emplace_back("connections", std::to_string(config.load.connections));
  all.emplace_back("subscribers", std::to_string(config.clients.subscribers));
  all.emplace_back("batch",
                   std::to_string(config.load.batch) +
                       (config.target.http_sync ? " ops per request" : " ops per OP_BATCH"));
  all.emplace_back("resend", config.faults.resend == Resend::kFull ? "full" : "disjoint");
  all.emplace_back("write concern", config.load.write_concern
                                        ? std::string(wire::Name(*config.load.write_concern))
                                        : "none named");
  all.emplace_back("length", Length(config.load));
  all.emplace_back("maps", std::to_string(config.data.maps) + " " + Name(config.data.map_type));
  all.emplace_back("keys per map",
                   config.data.keys == 0 ? "every one new" : Grouped(config.data.keys));
  all.emplace_back("key distribution", KeyDistributionText(config.data.key_distribution));
  all.emplace_back("values", config.data.value_size.Text() + " B, " + Name(config.data.value_kind));
  if (config.data.mix.empty()) {
    all.emplace_back("removals", Percent(config.data.remove_ratio));
  } else {
    all.emplace_back("mix", config.data.mix.Text());
  }
  AddExtras(config, all);
  all.emplace_back("verify", Name(config.verify.mode));
  if (config.verify.inject_loss > 0) {
    all.emplace_back("negative control", Grouped(config.verify.inject_loss) + " phantom acks");
  }
  AddFaults(config.faults, all);
  AddMerkle(config, all);
  if (config.clients.connect_rate > 0) {
    all.emplace_back("connects per second", Grouped(config.clients.connect_rate));
  }
  all.emplace_back("threads", std::to_string(config.load.threads));
  if (!config.distributed.agents.empty()) {
    std::string agents;
    for (const std::string& agent : config.distributed.agents) {
      agents += (agents.empty() ? "" : ", ") + agent;
    }
    all.emplace_back("agents", agents);
  }
  all.emplace_back("seed", std::to_string(config.data.seed));
  return all;
}

Parameters DescribeMachine() {
  utsname kernel{};
  uname(&kernel);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  // What the kernel counts time with: on an hpet or acpi_pm every clock read costs microseconds.
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string clock = "unknown";
  std::getline(file, clock);
  return {{"version", std::string(Version()) + " (" + std::string(Revision()) + ")"},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"kernel", std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine},
          {"open files", std::to_string(files.rlim_cur)},
          {"clock", "steady_clock over " + clock}};
}

std::string RunName(uint32_t run) {
  std::string name(6, '0');
  WriteHex(run, name.size(), name.data());
  return name;
}

std::string RenderBanner(const Config& config, uint32_t run) {
  constexpr size_t kNameWidth = 18;
  std::string text = "topgun-loadgen, run " + RunName(run) + "\n";
  const auto append = [&](const Parameters& parameters) {
    for (const auto& [name, value] : parameters) {
      text += "  " + PadRight(name, kNameWidth) + value + "\n";
    }
  };
  append(DescribeConfig(config));
  append(DescribeMachine());
  return text;
}

}  // namespace topgun::loadgen
