#include "config.h"

#include <vector>

#include "base/build_info.h"
#include "distributed/share.h"
#include "exit_code.h"
#include "options/http_sync.h"
#include "options/option_parser.h"
#include "options/scenario.h"
#include "options/script.h"

namespace topgun::loadgen {
namespace {

constexpr const char* kDescription =
    "Drives a TopGun cluster the way its clients do: MessagePack frames over WebSocket "
    "connections,\n"
    "timed and, on request, checked: every acknowledged write must be there when it is read back.";

constexpr const char* kFooter = R"(Examples:
  Five seconds against a local cluster, verified:
      topgun-loadgen --scenario smoke
  As much as the cluster takes, over two gateways (closed loop):
      topgun-loadgen --url ws://127.0.0.1:8080/ws --url ws://127.0.0.1:8081/ws --duration 60s
  Latency at a fixed rate, from the planned send time (open loop):
      topgun-loadgen --rate 50k --duration 60s --json run.json
  OR maps with removals, nothing acknowledged may be missing afterwards:
      topgun-loadgen --map-type or --remove-ratio 0.3 --ops 100000 --verify acks
  Limits that decide about the exit code, and a report to look at:
      topgun-loadgen --rate 50k --threshold 'ack.p99<5ms' --threshold 'errors<0.1%' --html run.html
  Not slower than last time by more than 10 %:
      topgun-loadgen --compare last.json --json now.json
  One run by two machines, on each of which `topgun-loadgen agent` waits:
      topgun-loadgen --agents one:7070,two:7070 --url ws://gateway:8080/ws --connections 2000
      (--steps, --find-max and --script go with --agents, too)
  The highest rate with a p99 below 50 ms, and a course of three rates:
      topgun-loadgen --find-max --slo 'p99<50ms,errors<0.1%'
      topgun-loadgen --steps 10k,20k,40k:30s --json steps.json
  The same writes by HTTP, for clients that cannot open a WebSocket:
      topgun-loadgen --http-sync --connections 50 --verify acks
  A bad network between clients and gateways, and nothing acknowledged may be lost:
      topgun-loadgen --proxy-fault latency:50ms,jitter:20ms,cut:0.5/s --rate 5k --verify acks
  Does the verification find losses? It must fail here:
      topgun-loadgen --scenario smoke --inject-loss 3

Exit codes: 0 ok; 1 errors, a failed threshold or comparison, or operations never acknowledged; 2 verification failed; 3 usage;
4 target unreachable; 5 the generator itself was the bottleneck.)";

void RegisterAll(OptionParser& parser, Config& config, bool& list_scenarios) {
  RegisterScenarioOptions(parser, config.scenario, list_scenarios);
  RegisterTargetOptions(parser, config.target);
  RegisterLoadOptions(parser, config.load);
  RegisterPlanOptions(parser, config.plan, config.load);
  RegisterDataOptions(parser, config.data);
  RegisterClientOptions(parser, config.clients);
  RegisterFaultOptions(parser, config.faults);
  RegisterMerkleOptions(parser, config.merkle);
  RegisterVerifyOptions(parser, config.verify);
  RegisterOutputOptions(parser, config.output);
  RegisterDistributedOptions(parser, config.distributed);
}

Status FinishAll(Config& config) {
  RETURN_IF_ERROR(FinishTarget(config.target));
  RETURN_IF_ERROR(FinishPlan(config.plan, config.load));
  RETURN_IF_ERROR(FinishLoad(config.load));
  RETURN_IF_ERROR(FinishData(config.data));
  RETURN_IF_ERROR(FinishFaults(config.faults, config.target, config.load));
  RETURN_IF_ERROR(FinishOutput(config.output));
  RETURN_IF_ERROR(FinishDistributed(config.distributed));
  if (!config.distributed.agents.empty()) {
    const auto agents = static_cast<uint32_t>(config.distributed.agents.size());
    RETURN_IF_ERROR(CheckShareable(config, agents));
  }
  if (config.target.http_sync) RETURN_IF_ERROR(FinishHttpSync(config));
  if (FindScenario(config.scenario)->kind == ScenarioKind::kMerkle) {
    RETURN_IF_ERROR(CheckMerkle(config.merkle, config.data));
  } else if (config.load.ops == 0) {
    RETURN_IF_ERROR(CheckKillTime(config.faults, config.load.duration));
  }
  return CheckVerify(config.verify, config.data, config.clients);
}

// The scenario's options, then those of each layer over them.
Status ParseOptions(const std::string& scenario,
                    const std::vector<const std::vector<std::string>*>& layers, Config& config) {
  OptionParser parser(kDescription, kFooter);
  bool list_scenarios = false;
  RegisterAll(parser, config, list_scenarios);
  RETURN_IF_ERROR(parser.Parse(FindScenario(scenario)->options));
  for (const std::vector<std::string>* const layer : layers) RETURN_IF_ERROR(parser.Parse(*layer));
  return OkStatus();
}

Status ParseLayers(const std::string& scenario,
                   const std::vector<const std::vector<std::string>*>& layers, Config& config) {
  RETURN_IF_ERROR(ParseOptions(scenario, layers, config));
  return FinishAll(config);
}

// The scenario that these options name, or else the given one.
StatusOr<std::string> ScenarioOf(const std::vector<std::string>& options, std::string fallback) {
  Config named;
  named.scenario = std::move(fallback);
  OptionParser parser(kDescription, kFooter);
  bool list_scenarios = false;
  RegisterAll(parser, named, list_scenarios);
  RETURN_IF_ERROR(parser.Parse(options));
  return named.scenario;
}

Status ParsePhases(const Config& all, const std::vector<std::string>& arguments,
                   std::vector<NamedConfig>& phases) {
  ASSIGN_OR_RETURN(const std::vector<ScriptPhase> script, ReadScript(all.plan.script));
  for (const ScriptPhase& phase : script) {
    NamedConfig& named = phases.emplace_back();
    named.name = phase.name;
    named.overrides = phase.options;
    Status status = OkStatus();
    const auto scenario = ScenarioOf(phase.options, all.scenario);
    if (scenario.ok()) {
      status = ParseLayers(*scenario, {&arguments, &phase.options}, named.config);
    } else {
      status = scenario.status();
    }
    if (!status.ok()) {
      return InvalidArgument("--script, " + phase.name + ": " + std::string(Message(status)));
    }
  }
  return OkStatus();
}

}  // namespace

ParsedConfig ParseConfig(int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  // The command line alone, to learn the scenario and whether help is wanted.
  Config named;
  OptionParser parser(kDescription, kFooter);
  bool list_scenarios = false;
  RegisterAll(parser, named, list_scenarios);
  Status status = parser.Parse(arguments);
  if (parser.help_wanted()) return {std::nullopt, {}, kExitOk, parser.HelpText()};
  if (status.ok() && list_scenarios) return {std::nullopt, {}, kExitOk, RenderScenarios()};
  if (parser.version_wanted()) {
    return {std::nullopt,
            {},
            kExitOk,
            "topgun-loadgen " + std::string(Version()) + " (" + std::string(Revision()) + ")\n"};
  }

  Config config;
  std::vector<NamedConfig> phases;
  // An attempt of a search is shorter than a run.
  const std::vector<std::string> attempts = {"--duration=10s", "--warmup=2s"};
  const std::vector<std::string> none;
  const auto* const between = named.plan.find_max ? &attempts : &none;
  if (status.ok()) status = ParseLayers(named.scenario, {between, &arguments}, config);
  if (status.ok() && !config.plan.script.empty()) status = ParsePhases(config, arguments, phases);
  if (!status.ok()) {
    return {std::nullopt,
            {},
            kExitUsage,
            "topgun-loadgen: " + std::string(Message(status)) + "\nTry --help.\n"};
  }
  return {std::move(config), std::move(phases), kExitOk, ""};
}

StatusOr<Config> ParseRun(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(const std::string named, ScenarioOf(arguments, Config().scenario));
  ASSIGN_OR_RETURN(const std::string scenario, ScenarioOf(overrides, named));
  Config config;
  RETURN_IF_ERROR(ParseOptions(scenario, {&arguments, &overrides}, config));
  config.plan = {};
  RETURN_IF_ERROR(FinishAll(config));
  return config;
}

}  // namespace topgun::loadgen
