#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "logging/logging.h"
#include "supervisor/state_file.h"

namespace topgun::supervisor {
namespace {

constexpr std::string_view kComponent = "supervisor";
constexpr std::chrono::milliseconds kBusyTick{20};
constexpr std::chrono::milliseconds kIdleTick{1000};
constexpr std::chrono::milliseconds kHeldTick{200};
// Ends in a row before the first readiness of the cluster after which it is given up.
constexpr int kStartFailuresMax = 6;

// SIGCHLD and the stop signals arrive through a descriptor instead of handlers.
int OpenSignalFd() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

Status RenderFile(const RenderSpec& render, const PortTable& ports) {
  std::ifstream in(render.from);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return NotFound("cannot read " + render.from);
  ASSIGN_OR_RETURN(const std::string rendered, ports.Substitute(text.str()));
  return ReplaceFile(render.to, rendered);
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, PortTable& ports)
    : options_(std::move(options)), ports_(ports), control_(options_.dir + "/run/control.sock") {}

Status Supervisor::Prepare(const std::vector<ProcessSpec>& specs) {
  ASSIGN_OR_RETURN(announce_, ports_.Substitute(options_.announce));
  RETURN_IF_ERROR(Render(specs));
  std::set<int> tiers;
  for (const ProcessSpec& spec : specs) {
    ASSIGN_OR_RETURN(ProcessSpec filled, Fill(spec));
    AddProcess(std::move(filled));
    tiers.insert(spec.tier);
  }
  tiers_.assign(tiers.begin(), tiers.end());
  if (tiers_.empty()) return InvalidArgument("there is nothing to run");
  return OkStatus();
}

// With the numbers of its ports.
StatusOr<ProcessSpec> Supervisor::Fill(ProcessSpec spec) const {
  for (std::string& arg : spec.args) {
    ASSIGN_OR_RETURN(arg, ports_.Substitute(arg));
  }
  ASSIGN_OR_RETURN(spec.probe.target, ports_.Substitute(spec.probe.target));
  return spec;
}

Status Supervisor::Render(const std::vector<ProcessSpec>& specs) const {
  for (const ProcessSpec& spec : specs) {
    for (const RenderSpec& render : spec.renders) RETURN_IF_ERROR(RenderFile(render, ports_));
  }
  return OkStatus();
}

Process* Supervisor::AddProcess(ProcessSpec spec) {
  const std::string lock_path = options_.dir + "/run/" + spec.name + ".lock";
  const std::string log_path =
      options_.inherit_output ? std::string() : options_.dir + "/log/" + spec.name + ".log";
  processes_.push_back(std::make_unique<Process>(std::move(spec), lock_path, log_path));
  return processes_.back().get();
}

// It has ended.
void Supervisor::RemoveProcess(const Process* process) {
  std::remove((options_.dir + "/run/" + process->spec().name + ".pid").c_str());
  std::erase_if(processes_, [&](const auto& each) { return each.get() == process; });
}

Status Supervisor::Run() {
  std::signal(SIGPIPE, SIG_IGN);
  const int signal_fd = OpenSignalFd();
  if (signal_fd < 0) return Internal("signalfd");
  RETURN_IF_ERROR(control_.Listen());
  const auto idle_tick = options_.while_held.empty() ? kIdleTick : kHeldTick;
  StartTier(std::chrono::steady_clock::now());
  while (!finished_) {
    Await(signal_fd, Busy() ? kBusyTick : idle_tick);
    ReadSignals(signal_fd);
    if (Abandoned()) stop_requested_ = true;
    const TimePoint now = std::chrono::steady_clock::now();
    ReapChildren(now);
    for (const auto& process : processes_) process->Tick(now);
    control_.Serve([this](std::string_view line, ControlClientPtr client) {
      OnCommand(line, std::move(client));
    });
    AdvanceCommand(now);
    if (stop_requested_ && stage_ != Stage::kStopping) BeginStop(now, OkStatus());
    Advance(now);
    Publish();
  }
  close(signal_fd);
  return result_;
}

// Once true, whoever comes too late sees the lock taken, and waits for our end.
bool Supervisor::Abandoned() {
  if (options_.while_held.empty() || stage_ == Stage::kStopping) return false;
  if (held_fd_ < 0) {
    held_fd_ = open(options_.while_held.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  }
  return held_fd_ >= 0 && flock(held_fd_, LOCK_EX | LOCK_NB) == 0;
}

void Supervisor::Await(int signal_fd, std::chrono::milliseconds timeout) {
  std::vector<pollfd> waited = {{signal_fd, POLLIN, 0}};
  control_.AddTo(waited);
  poll(waited.data(), waited.size(), static_cast<int>(timeout.count()));
}

void Supervisor::ReadSignals(int signal_fd) {
  signalfd_siginfo info{};
  while (read(signal_fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGCHLD) stop_requested_ = true;
  }
}

void Supervisor::ReapChildren(TimePoint now) {
  int wait_status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
    for (const auto& process : processes_) {
      if (process->pid() == pid) process->OnExit(wait_status, now);
    }
  }
}

void Supervisor::Advance(TimePoint now) {
  if (stage_ == Stage::kStarting) AdvanceStart(now);
  if (stage_ == Stage::kStopping) AdvanceStop(now);
}

void Supervisor::AdvanceStart(TimePoint now) {
  for (const auto& process : processes_) {
    if (process->failures() < kStartFailuresMax) continue;
    BeginStop(now, FailedPrecondition(process->spec().name + " does not start"));
    return;
  }
  if (!TierIs(Process::Phase::kReady)) return;
  if (++tier_index_ < tiers_.size()) {
    StartTier(now);
  } else {
    tier_index_ = tiers_.size() - 1;
    OnAllReady();
  }
}

void Supervisor::AdvanceStop(TimePoint now) {
  while (!finished_ && TierIs(Process::Phase::kEnded)) {
    if (tier_index_ == 0) {
      finished_ = true;
    } else {
      --tier_index_;
      StopTier(now);
    }
  }
}

void Supervisor::BeginStop(TimePoint now, Status reason) {
  logging::Info(kComponent, "stopping", {{"reason", reason.ok() ? "signal" : Message(reason)}});
  result_ = std::move(reason);
  stage_ = Stage::kStopping;
  StopTier(now);
}

void Supervisor::StartTier(TimePoint now) {
  for (const auto& process : processes_) {
    if (process->spec().tier == tiers_[tier_index_]) process->Start(now);
  }
}

void Supervisor::StopTier(TimePoint now) {
  for (const auto& process : processes_) {
    if (process->spec().tier == tiers_[tier_index_]) process->Stop(now);
  }
}

void Supervisor::OnAllReady() {
  stage_ = Stage::kRunning;
  Publish();
  std::ofstream(options_.dir + "/run/ready") << "\n";
  logging::Info(kComponent, "everything is ready");
  if (announce_.empty()) return;
  std::printf("%s\n", announce_.c_str());
  std::fflush(stdout);
}

void Supervisor::Publish() {
  std::vector<ProcessState> states;
  for (const auto& process : processes_) {
    const std::string& name = process->spec().name;
    states.push_back({.role = process->spec().role,
                      .name = name,
                      .pid = process->pid(),
                      .ws_port = ports_.Find(name, "ws"),
                      .grpc_port = ports_.Find(name, "grpc"),
                      .admin_port = ports_.Find(name, "admin"),
                      .up = process->phase() == Process::Phase::kReady});
  }
  std::string state = FormatTsv(states);
  if (state == published_) return;
  const Status written = WriteState(options_.dir + "/run", states);
  if (written.ok()) {
    published_ = std::move(state);
  } else {
    logging::Warning(kComponent, "state not written", {{"reason", Message(written)}});
  }
}

bool Supervisor::TierIs(Process::Phase phase) const {
  return std::all_of(processes_.begin(), processes_.end(), [&](const auto& process) {
    return process->spec().tier != tiers_[tier_index_] || process->phase() == phase;
  });
}

bool Supervisor::AllReady() const {
  return std::all_of(processes_.begin(), processes_.end(), [](const auto& process) {
    return process->phase() == Process::Phase::kReady;
  });
}

bool Supervisor::Busy() const {
  return stage_ != Stage::kRunning || command_ != nullptr ||
         std::any_of(processes_.begin(), processes_.end(), [](const auto& p) { return p->Busy(); });
}

}  // namespace topgun::supervisor
