// The only file that knows CLI11. A tool for people is better served by it than by lib/config:
// repeatable options, a footer with examples and its own exit codes.
#include "options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string_view>

#include "exit_code.h"
#include "workload/identity.h"

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
  Does the verification find losses? It must fail here:
      topgun-loadgen --scenario smoke --inject-loss 3

Exit codes: 0 ok; 1 errors, or operations never acknowledged; 2 verification failed; 3 usage;
4 target unreachable; 5 the generator itself was the bottleneck.)";

// A scenario is a set of defaults; every option can still be given.
void ApplyScenario(int argc, const char* const* argv, Config& config, OptionTexts& texts) {
  bool smoke = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    smoke |= arg == "--scenario=smoke" ||
             (arg == "--scenario" && i + 1 < argc && std::string_view(argv[i + 1]) == "smoke");
  }
  if (!smoke) return;
  config.connections = 10;
  config.batch = 20;
  config.inflight = 2;
  config.maps = 4;
  config.map_type = MapType::kMixed;
  config.remove_ratio = 0.1;
  config.subscribers = 2;
  config.verify = Verify::kAcks;
  texts.duration = "5s";
  texts.warmup = "0s";
  texts.keys = "200";
}

template <typename T>
CLI::Option* AddChoice(CLI::App& app, const std::string& name, T& target, const std::string& help,
                       const std::map<std::string, T>& choices) {
  std::string fallback;
  std::string names;
  for (const auto& [text, value] : choices) {
    if (value == target) fallback = text;
    names += (names.empty() ? "" : "|") + text;
  }
  return app.add_option(name, target, help)
      ->transform(CLI::CheckedTransformer(choices).description(""))
      ->type_name(names)
      ->default_str(fallback);
}

void AddTarget(CLI::App& app, Config& config, OptionTexts& texts) {
  const auto group = [](CLI::Option* option) { option->group("Target"); };
  group(app.add_option("--url", config.urls, "Gateway; repeatable, connections take turns")
            ->type_name("ws://HOST:PORT/PATH")
            ->capture_default_str());
  group(app.add_option("--jwt-secret-file", texts.jwt_secret_file,
                       "File with the HS256 secret that tokens are made with; default: the\n"
                       "environment variable JWT_SECRET")
            ->type_name("FILE"));
  group(app.add_option("--token", config.token, "One ready-made token for every connection")
            ->type_name("JWT"));
  group(app.add_flag("--no-auth", config.no_auth, "The target runs without authentication"));
  group(app.add_option("--users", config.users, "Distinct subjects among the tokens made")
            ->type_name("N")
            ->check(CLI::Range(1U, kWritersMax).description(""))
            ->capture_default_str());
  group(app.add_option("--connect-timeout", texts.connect_timeout,
                       "Until all connections must be ready")
            ->type_name("TIME")
            ->capture_default_str());
}

void AddLoad(CLI::App& app, Config& config, OptionTexts& texts) {
  const auto group = [](CLI::Option* option) { option->group("Load"); };
  const auto number = [&](const char* name, uint32_t& target, const char* help, uint32_t min,
                          uint32_t max) {
    group(app.add_option(name, target, help)
              ->type_name("N")
              ->check(CLI::Range(min, max).description(""))
              ->capture_default_str());
  };
  number("--connections", config.connections, "Connections that write", 1, kWritersMax);
  number("--batch", config.batch, "Operations per OP_BATCH", 1, 65'535);
  number("--inflight", config.inflight, "Closed loop: unacknowledged frames per connection", 1,
         10'000);
  group(app.add_option("--rate", texts.rate,
                       "Open loop: operations per second over all connections, e.g. 50k; latency\n"
                       "then counts from the planned send time. 0: closed loop")
            ->type_name("OPS/S")
            ->capture_default_str());
  group(app.add_option("--duration", texts.duration, "Length of the measurement")
            ->type_name("TIME")
            ->capture_default_str());
  group(app.add_option("--ops", texts.ops,
                       "Instead of a duration: so many operations, no warm-up, until all of them\n"
                       "are acknowledged")
            ->type_name("N"));
  group(app.add_option("--warmup", texts.warmup, "Load before the measurement, not reported")
            ->type_name("TIME")
            ->capture_default_str());
  group(app.add_option("--drain", texts.drain, "Wait for missing acknowledgements at the end")
            ->type_name("TIME")
            ->capture_default_str());
  group(AddChoice<Resend>(app, "--resend", config.resend,
                          "disjoint: a frame carries new operations only. full: everything\n"
                          "unacknowledged, as the stock client sends it",
                          {{"disjoint", Resend::kDisjoint}, {"full", Resend::kFull}}));
  number("--subscribers", config.subscribers,
         "Connections that subscribe to all maps and time the propagation", 0, kWritersMax);
  group(app.add_option("--write-concern", texts.write_concern,
                       "Level asked for: FIRE_AND_FORGET, MEMORY, APPLIED, REPLICATED, PERSISTED;\n"
                       "default: none, like the stock client")
            ->type_name("LEVEL"));
  number("--threads", config.threads, "Threads, each with its share of the connections", 1, 64);
}

void AddData(CLI::App& app, Config& config, OptionTexts& texts) {
  const auto group = [](CLI::Option* option) { option->group("Data"); };
  group(app.add_option("--map-prefix", config.map_prefix, "Maps are PREFIX-lww-N and PREFIX-or-N")
            ->type_name("PREFIX")
            ->capture_default_str());
  group(app.add_option("--maps", config.maps, "Number of maps")
            ->type_name("N")
            ->check(CLI::Range(1U, 65'535U).description(""))
            ->capture_default_str());
  group(AddChoice<MapType>(
      app, "--map-type", config.map_type, "mixed: every second map is an OR map",
      {{"lww", MapType::kLww}, {"or", MapType::kOr}, {"mixed", MapType::kMixed}}));
  group(app.add_option("--keys", texts.keys, "Keys per map; 0 with --key-dist seq: every key new")
            ->type_name("N")
            ->capture_default_str());
  group(app.add_option("--key-dist", texts.key_dist, "uniform, seq, zipf or zipf:THETA")
            ->type_name("DIST")
            ->capture_default_str());
  group(app.add_option("--remove-ratio", config.remove_ratio, "Share of removals")
            ->type_name("0..1")
            ->check(CLI::Range(0.0, 1.0).description(""))
            ->capture_default_str());
  group(app.add_option("--value-size", config.value_bytes, "Bytes of an encoded value")
            ->type_name("BYTES")
            ->check(CLI::Range(ValueMaker::kBytesMin, size_t{1} << 20).description(""))
            ->capture_default_str());
  group(AddChoice<ValueKind>(
      app, "--value-kind", config.value_kind, "What values are",
      {{"json", ValueKind::kJson}, {"text", ValueKind::kText}, {"blob", ValueKind::kBlob}}));
  group(app.add_option("--seed", config.seed, "Of keys, values and removals")
            ->type_name("N")
            ->capture_default_str());
}

void AddChecksAndOutput(CLI::App& app, Config& config, OptionTexts& texts) {
  AddChoice<Verify>(app, "--verify", config.verify,
                    "acks: read everything back at the end; nothing acknowledged may be missing",
                    {{"none", Verify::kNone}, {"acks", Verify::kAcks}})
      ->group("Checks");
  app.add_option("--inject-loss", config.inject_loss,
                 "Negative control: claim N acknowledgements that never came; the verification\n"
                 "must then fail")
      ->type_name("N")
      ->group("Checks");
  app.add_option("--json", config.json_path, "Write the report as JSON")
      ->type_name("FILE")
      ->group("Output");
  app.add_option("--progress", texts.progress, "Time between progress lines on stderr")
      ->type_name("TIME")
      ->capture_default_str()
      ->group("Output");
  app.add_flag("--quiet", config.quiet, "No banner and no progress lines")->group("Output");
  app.add_option("--pids", texts.pids,
                 "Processes to account CPU for, as NAME=PID; shown as us per acknowledged op")
      ->type_name("NAME=PID,...")
      ->delimiter(',')
      ->group("Output");
}

}  // namespace

CommandLine ReadCommandLine(int argc, const char* const* argv) {
  CommandLine line;
  Config& config = line.config;
  OptionTexts& texts = line.texts;
  ApplyScenario(argc, argv, config, texts);

  CLI::App app(kDescription, "topgun-loadgen");
  app.footer(kFooter);
  app.set_help_flag("-h,--help", "Print this text")->group("General");
  app.get_formatter()->column_width(34);
  app.add_option("--scenario", config.scenario,
                 "Preset of defaults. smoke: 5 s of mixed writes, verified. write: full load")
      ->type_name("smoke|write")
      ->check(CLI::IsMember({"smoke", "write"}).description(""))
      ->capture_default_str()
      ->group("General");
  AddTarget(app, config, texts);
  AddLoad(app, config, texts);
  AddData(app, config, texts);
  AddChecksAndOutput(app, config, texts);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.end = kExitOk;
    line.text = app.help();
  } catch (const CLI::ParseError& error) {
    line.end = kExitUsage;
    line.text = std::string("topgun-loadgen: ") + error.what() + "\n";
  }
  return line;
}

}  // namespace topgun::loadgen
