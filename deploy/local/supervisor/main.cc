// topgun-supervisor: see supervisor.h. Started by ./topgun and by deploy/local/topgun-server.
#include <getopt.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "logging/logging.h"
#include "supervisor/control.h"
#include "supervisor/ports.h"
#include "supervisor/spec.h"
#include "supervisor/supervisor.h"

namespace topgun::supervisor {
namespace {

constexpr char kUsage[] =
    "usage: topgun-supervisor --dir DIR [options]\n"
    "Runs the processes of DIR/run/cluster.spec and restarts whatever ends.\n\n"
    "  --inherit-output   processes write to our stderr instead of DIR/log\n"
    "  --announce TEXT    print TEXT once everything is ready; {name.port} is replaced\n"
    "  --remove-dir       remove DIR at the end, unless what went wrong is only told there\n"
    "  --while-held FILE  stop once no process holds a lock (flock) on FILE\n"
    "  --die-with-parent  stop when the parent process ends\n\n"
    "       topgun-supervisor --dir DIR --tell COMMAND\n"
    "Commands the supervisor that runs on DIR and prints what it answers.\n\n"
    "  restart [--grace MS] NAME...\n"
    "                     restart processes one after the other, by name or role; each is killed\n"
    "                     when it has not ended after the time of its line `stop`, or after MS\n"
    "  scale              start and stop what DIR/run/cluster.spec.next says otherwise\n";

struct MainOptions {
  SupervisorOptions supervisor;
  bool remove_dir = false;
  bool die_with_parent = false;
  std::string tell;  // a command for the supervisor that runs already
  bool help = false;
};

bool ParseArguments(int argc, char** argv, MainOptions* options) {
  const option kOptions[] = {{"dir", required_argument, nullptr, 'd'},
                             {"inherit-output", no_argument, nullptr, 'i'},
                             {"announce", required_argument, nullptr, 'a'},
                             {"remove-dir", no_argument, nullptr, 'r'},
                             {"die-with-parent", no_argument, nullptr, 'p'},
                             {"while-held", required_argument, nullptr, 'w'},
                             {"tell", required_argument, nullptr, 't'},
                             {"help", no_argument, nullptr, 'h'},
                             {}};
  for (int flag = 0; (flag = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (flag == 'd') options->supervisor.dir = optarg;
    if (flag == 'i') options->supervisor.inherit_output = true;
    if (flag == 'a') options->supervisor.announce = optarg;
    if (flag == 'r') options->remove_dir = true;
    if (flag == 'p') options->die_with_parent = true;
    if (flag == 'w') options->supervisor.while_held = optarg;
    if (flag == 't') options->tell = optarg;
    if (flag == 'h') options->help = true;
    if (flag == '?') return false;
  }
  return options->help || (optind == argc && !options->supervisor.dir.empty());
}

Status RunCluster(const SupervisorOptions& options) {
  const std::string run_dir = options.dir + "/run";
  std::filesystem::remove(run_dir + "/ready");
  std::ofstream(run_dir + "/supervisor.pid") << getpid() << "\n";

  ASSIGN_OR_RETURN(const std::vector<ProcessSpec> specs, ReadSpec(run_dir + "/cluster.spec"));

  PortTable ports(run_dir + "/ports");
  RETURN_IF_ERROR(ports.Assign(specs));
  Supervisor supervisor(options, ports);
  RETURN_IF_ERROR(supervisor.Prepare(specs));
  return supervisor.Run();
}

int Tell(const std::string& dir, const std::string& command) {
  const Status result = SendCommand(dir + "/run/control.sock", command, [](std::string_view line) {
    std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    std::fflush(stdout);
  });
  if (result.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(Message(result)).c_str());
  return 1;
}

int Main(int argc, char** argv) {
  MainOptions options;
  if (!ParseArguments(argc, argv, &options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (options.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (!options.tell.empty()) return Tell(options.supervisor.dir, options.tell);
  if (options.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  logging::Init("topgun-supervisor", logging::Level::kInfo);

  const Status status = RunCluster(options.supervisor);
  if (!status.ok()) logging::Error("main", "failed", {{"reason", Message(status)}});
  std::error_code ignored;
  std::filesystem::remove(options.supervisor.dir + "/run/ready", ignored);
  std::filesystem::remove(options.supervisor.dir + "/run/supervisor.pid", ignored);
  if (options.remove_dir && (status.ok() || options.supervisor.inherit_output)) {
    std::filesystem::remove_all(options.supervisor.dir, ignored);
  }
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace topgun::supervisor

int main(int argc, char** argv) { return topgun::supervisor::Main(argc, argv); }
