#include "config.h"

#include <vector>

#include "base/build_info.h"
#include "distributed/share.h"
#include "exit_code.h"
#include "options/option_parser.h"
#include "options/scenario.h"

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
  Does the verification find losses? It must fail here:
      topgun-loadgen --scenario smoke --inject-loss 3

Exit codes: 0 ok; 1 errors, a failed threshold or comparison, or operations never acknowledged; 2 verification failed; 3 usage;
4 target unreachable; 5 the generator itself was the bottleneck.)";

void RegisterAll(OptionParser& parser, Config& config, bool& list_scenarios) {
  RegisterScenarioOptions(parser, config.scenario, list_scenarios);
  RegisterTargetOptions(parser, config.target);
  RegisterLoadOptions(parser, config.load);
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
  RETURN_IF_ERROR(FinishLoad(config.load));
  RETURN_IF_ERROR(FinishData(config.data));
  RETURN_IF_ERROR(FinishOutput(config.output));
  RETURN_IF_ERROR(FinishDistributed(config.distributed));
  if (!config.distributed.agents.empty()) {
    const auto agents = static_cast<uint32_t>(config.distributed.agents.size());
    RETURN_IF_ERROR(CheckShareable(config, agents));
  }
  if (FindScenario(config.scenario)->kind == ScenarioKind::kMerkle) {
    RETURN_IF_ERROR(CheckMerkle(config.merkle, config.data));
  }
  return CheckVerify(config.verify, config.data, config.clients);
}

// The scenario's options, then those of the command line over them.
Status ParseLayers(const std::string& scenario, const std::vector<std::string>& arguments,
                   Config& config) {
  OptionParser parser(kDescription, kFooter);
  bool list_scenarios = false;
  RegisterAll(parser, config, list_scenarios);
  RETURN_IF_ERROR(parser.Parse(FindScenario(scenario)->options));
  RETURN_IF_ERROR(parser.Parse(arguments));
  return FinishAll(config);
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
  if (parser.help_wanted()) return {std::nullopt, kExitOk, parser.HelpText()};
  if (status.ok() && list_scenarios) return {std::nullopt, kExitOk, RenderScenarios()};
  if (parser.version_wanted()) {
    return {std::nullopt, kExitOk,
            "topgun-loadgen " + std::string(Version()) + " (" + std::string(Revision()) + ")\n"};
  }

  Config config;
  if (status.ok()) status = ParseLayers(named.scenario, arguments, config);
  if (!status.ok()) {
    return {std::nullopt, kExitUsage,
            "topgun-loadgen: " + std::string(Message(status)) + "\nTry --help.\n"};
  }
  return {std::move(config), kExitOk, ""};
}

}  // namespace topgun::loadgen
