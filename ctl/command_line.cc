#include "command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <sstream>
#include <utility>

#include "base/build_info.h"
#include "base/closest_name.h"
#include "target_options.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

constexpr char kDescription[] =
    "Looks at a running TopGun cluster and operates it, through the admin ports of its processes,\n"
    "the administration of its gateways, and gRPC.";

constexpr char kFooter[] = R"(Examples:
  topgunctl --data .topgun status                       the local cluster (./topgun ctl status)
  topgunctl --admin gateway-admin,sync-admin status     all pods behind two headless Services
  topgunctl --admin 10.0.0.7:9090 connections --subject alice
  topgunctl --gateway http://a:8080,http://b:8080 merkle diff todos --between a:8080 b:8080
  topgunctl --rpc a=10.0.0.8:9000,b=10.0.0.9:9000 merkle diff todos --between a b
  topgunctl --data .topgun --json doctor | jq '.findings[] | select(.severity == "problem")'

Commands (drain, reload, connections kill) are taken from the machine of a process only: use
kubectl exec or kubectl port-forward. A verb's options: topgunctl VERB --help.

Exit codes: 0 done, all is well; 1 the answer is no (problems, differences, not ready, not valid);
2 the command line is wrong; 3 nobody could be asked, or the question was refused.
docs/topgunctl.md tells more.)";

// Options live as long as the parser and the commands that use them.
template <typename T>
std::shared_ptr<T> Keep() {
  return std::make_shared<T>();
}

class Parser {
 public:
  Parser() : app_(kDescription, "topgunctl") {
    app_.footer(kFooter);
    app_.require_subcommand(0, 1);
    app_.fallthrough();
    app_.get_formatter()->column_width(34);
    app_.set_version_flag(
        "--version", "topgunctl " + std::string(Version()) + " (" + std::string(Revision()) + ")");
    AddGlobal();
    AddLooking();
    AddConnections();
    AddMaps();
    AddMerkle();
    AddOperating();
    AddPolicies();
    AddTokens();
    AddConfig();
  }

  Command Parse(const std::vector<std::string>& arguments) {
    try {
      app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) {
      return Ended(error, arguments);
    }
    if (!command_.run) command_.text = app_.help();
    return std::move(command_);
  }

 private:
  using Run = std::function<int(const Session&)>;

  CLI::App* Add(CLI::App& parent, const char* name, const char* help, Run run) {
    CLI::App* const verb = parent.add_subcommand(name, help);
    verb->fallthrough();
    verb->footer("");
    // Those of inner verbs come first.
    verb->callback([this, run = std::move(run)] {
      if (!command_.run) command_.run = run;
    });
    return verb;
  }
  // A verb that is only the first word of others.
  CLI::App& Group(const char* name, const char* help) {
    CLI::App* const group = app_.add_subcommand(name, help);
    group->fallthrough();
    group->footer("");
    group->require_subcommand(1);
    return *group;
  }

  void AddGlobal() {
    AddTargetOptions(app_, command_.session);
    app_.add_flag("--json", command_.session.json, "Print JSON instead of tables");
  }

  void AddLooking() {
    Add(app_, "status", "All processes: version, age, readiness, what they hold", &RunStatus);
    Add(app_, "doctor", "Whether the cluster is put together rightly; problems end with 1",
        &RunDoctor);
    Add(app_, "subscriptions", "Maps by the connections that watch them", &RunSubscriptions);
  }

  void AddConnections() {
    const auto options = Keep<ConnectionsOptions>();
    CLI::App* const verb =
        Add(app_, "connections", "Who is connected to the gateways",
            [options](const Session& session) { return RunConnections(session, *options); });
    verb->add_option("--subject", options->subject, "Only those of this subject");
    verb->add_option("--limit", options->limit, "At most so many")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000).description(""))
        ->capture_default_str();
    const auto which = Keep<std::string>();
    CLI::App* const kill =
        Add(*verb, "kill", "Close one; its client may connect again",
            [which](const Session& session) { return RunConnectionsKill(session, *which); });
    kill->add_option("connection", *which, "GATEWAY/ID, as the list shows it")->required();
  }

  void AddMaps() {
    const auto options = Keep<MapsOptions>();
    CLI::App* const maps =
        Add(app_, "maps", "Maps with the number of their records",
            [options](const Session& session) { return RunMaps(session, *options); });
    maps->add_option("--from", options->from,
                     "A gateway or sync service, by name or address; else the first gateway, or "
                     "sync service if no gateway is known")
        ->type_name("WHOM");
    maps->add_flag("--all", options->all, "Reserved ones and counters, too; from a sync service");
  }

  void AddMerkle() {
    CLI::App& group = Group("merkle", "Compare what gateways and sync services see");
    const auto options = Keep<MerkleDiffOptions>();
    CLI::App* const diff =
        Add(group, "diff", "Whether two of them see the same records; differences end with 1",
            [options](const Session& session) { return RunMerkleDiff(session, *options); });
    diff->add_option("map", options->map, "Name of the map")->required();
    diff->add_option("--between", options->between,
                     "Two gateways or sync services: names, http://host:port, grpc://host:port")
        ->type_name("WHOM")
        ->expected(2)
        ->required();
    diff->add_option("--kind", options->kind, "Which of the maps of this name")
        ->type_name("lww|or")
        ->check(CLI::IsMember({"lww", "or"}).description(""))
        ->capture_default_str();
    diff->add_option("--keys", options->keys_max, "Show at most so many")
        ->type_name("N")
        ->capture_default_str();
    diff->add_option(
            "--recheck", options->recheck_seconds,
            "Compare again after so many seconds, and leave out what was written meanwhile")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 60.0).description(""))
        ->capture_default_str();
  }

  void AddOperating() {
    const auto drain = Keep<DrainOptions>();
    CLI::App* const verb =
        Add(app_, "drain", "Take a process out of service without ending it",
            [drain](const Session& session) { return RunDrain(session, *drain); });
    verb->add_option("process", drain->target, "Its name or admin address")->required();
    verb->add_flag("--cancel", drain->cancel, "Put it back");
    verb->add_flag("--wait", drain->wait, "Wait until nothing is left");
    const auto targets = Keep<std::vector<std::string>>();
    Add(app_, "reload", "Read the settings again, as SIGHUP does; refusals end with 1",
        [targets](const Session& session) { return RunReload(session, *targets); })
        ->add_option("process", *targets, "Names or admin addresses; without, all");
  }

  void AddPolicies() {
    CLI::App& group = Group("policy", "Who may read and write which maps");
    Add(group, "list", "All of them", &RunPolicyList);
    const auto id = Keep<std::string>();
    Add(group, "get", "One as JSON, as `put` takes it",
        [id](const Session& session) { return RunPolicyGet(session, *id); })
        ->add_option("id", *id)
        ->required();
    const auto file = Keep<std::string>();
    Add(group, "put", "Create one, or replace the one of its id",
        [file](const Session& session) { return RunPolicyPut(session, *file); })
        ->add_option("file", *file, "JSON; - is stdin")
        ->required();
    const auto gone = Keep<std::string>();
    Add(group, "delete", "Take one away",
        [gone](const Session& session) { return RunPolicyDelete(session, *gone); })
        ->add_option("id", *gone)
        ->required();
  }

  void AddTokens() {
    CLI::App& group = Group("token", "Make and check tokens of clients (--secret-file)");
    const auto make = Keep<TokenMakeOptions>();
    CLI::App* const made = Add(group, "make", "Sign one", [make](const Session& session) {
      return RunTokenMake(session, *make);
    });
    made->add_option("--sub", make->subject, "Whom it is for")->required();
    made->add_option("--roles", make->roles, "Roles, a,b,...")
        ->delimiter(',')
        ->allow_extra_args(false);
    made->add_option("--ttl", make->ttl_seconds, "Seconds until it expires")
        ->type_name("SECONDS")
        ->check(CLI::Range(1.0, 3.2e9).description(""))
        ->capture_default_str();
    made->add_option("--issuer", make->issuer, "Its `iss`");
    made->add_option("--audience", make->audience, "Its `aud`");
    const auto check = Keep<TokenCheckOptions>();
    CLI::App* const checked =
        Add(group, "check", "Whether the gateways would take it; 1 when not",
            [check](const Session& session) { return RunTokenCheck(session, *check); });
    checked->add_option("file", check->token_file, "File with the token; - is stdin")->required();
    checked->add_option("--issuer", check->issuer, "Wanted `iss`");
    checked->add_option("--audience", check->audience, "Wanted `aud`");
  }

  void AddConfig() {
    CLI::App& group = Group("config", "Settings of the services");
    const auto service = Keep<std::string>();
    const auto arguments = Keep<std::vector<std::string>>();
    CLI::App* const check =
        Add(group, "check", "Check a file of settings with the service's own table",
            [service, arguments](const Session&) { return RunConfigCheck(*service, *arguments); });
    check->add_option("service", *service, "gateway, sync or storage")
        ->check(CLI::IsMember({"gateway", "sync", "storage"}).description(""))
        ->required();
    check->add_option_function<std::string>(
        "file",
        [arguments](const std::string& path) {
          arguments->insert(arguments->begin(), {"--config", path});
        },
        "The file; without, the environment is checked");
  }

  // Help and version, or what is wrong.
  Command Ended(const CLI::ParseError& error, const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app_.exit(error, out, err);
    Command ended;
    ended.exit_code = code == 0 ? kYes : kUsage;
    ended.text = code == 0 ? out.str() : err.str() + Suggestion(arguments);
    return ended;
  }

  // For a first word that is no verb.
  std::string Suggestion(const std::vector<std::string>& arguments) const {
    std::vector<std::string> verbs;
    for (const CLI::App* const verb : app_.get_subcommands({})) verbs.push_back(verb->get_name());
    for (const std::string& word : arguments) {
      if (word.starts_with('-')) continue;
      if (std::find(verbs.begin(), verbs.end(), word) != verbs.end()) break;
      const std::string closest = ClosestName(word, verbs, 3);
      if (!closest.empty()) return "Did you mean " + closest + "?\n";
    }
    return {};
  }

  CLI::App app_;
  Command command_;
};

}  // namespace

Command ReadCommandLine(const std::vector<std::string>& arguments) {
  return Parser().Parse(arguments);
}

}  // namespace topgun::ctl
