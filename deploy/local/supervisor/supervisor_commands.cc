// What the supervisor does with a line from its control socket.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>
#include <utility>

#include "logging/logging.h"
#include "supervisor/rescale.h"
#include "supervisor/rolling_restart.h"
#include "supervisor/supervisor.h"

namespace topgun::supervisor {
namespace {

constexpr std::string_view kGrace = "--grace";

std::vector<std::string> WordsOf(std::string_view line) {
  std::istringstream text{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

StatusOr<std::chrono::milliseconds> ParseGrace(std::string_view text) {
  int32_t milliseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  if (error != std::errc() || end != text.data() + text.size() || milliseconds < 0) {
    return InvalidArgument("--grace takes milliseconds, not '" + std::string(text) + "'");
  }
  return std::chrono::milliseconds(milliseconds);
}

}  // namespace

void Supervisor::OnCommand(std::string_view line, ControlClientPtr client) {
  logging::Info("control", "command", {{"line", line}});
  StatusOr<std::unique_ptr<Command>> command = MakeCommand(line, client);
  if (!command.ok()) return client->Finish(command.status());
  command_ = *std::move(command);
  commander_ = std::move(client);
}

StatusOr<std::unique_ptr<Command>> Supervisor::MakeCommand(std::string_view line,
                                                           ControlClientPtr client) {
  if (stage_ == Stage::kStarting) return FailedPrecondition("the cluster is still starting");
  if (stage_ == Stage::kStopping) return FailedPrecondition("the cluster is being stopped");
  if (command_ != nullptr) {
    return FailedPrecondition("another command is still running; try again when it has ended");
  }
  std::vector<std::string> words = WordsOf(line);
  const std::string verb = words.empty() ? std::string() : words.front();
  if (verb == "restart") return MakeRestart({words.begin() + 1, words.end()}, std::move(client));
  if (verb == "scale" && words.size() == 1) return MakeRescale(std::move(client));
  return InvalidArgument("no command '" + std::string(line) +
                         "'; there are: restart [--grace MS] NAME..., scale");
}

StatusOr<std::unique_ptr<Command>> Supervisor::MakeRestart(std::vector<std::string> names,
                                                           ControlClientPtr client) {
  std::optional<std::chrono::milliseconds> grace;
  if (!names.empty() && names.front() == kGrace) {
    ASSIGN_OR_RETURN(grace, ParseGrace(names.size() > 1 ? names[1] : std::string()));
    names.erase(names.begin(), names.begin() + 2);
  }
  ASSIGN_OR_RETURN(std::vector<Process*> chosen, Choose(names));
  return std::unique_ptr<Command>(std::make_unique<RollingRestart>(
      std::move(chosen), grace, [this] { return AllReady(); }, std::move(client)));
}

// Nothing has happened when it fails.
StatusOr<std::unique_ptr<Command>> Supervisor::MakeRescale(ControlClientPtr client) {
  const std::string path = options_.dir + "/run/cluster.spec";
  ASSIGN_OR_RETURN(std::vector<ProcessSpec> wanted, ReadSpec(path + ".next"));
  RETURN_IF_ERROR(ports_.Assign(wanted));
  std::vector<ProcessSpec> added;
  std::vector<Process*> removed;
  for (const ProcessSpec& spec : wanted) {
    ASSIGN_OR_RETURN(ProcessSpec filled, Fill(spec));
    const Process* const running = Find(spec.name);
    if (running == nullptr) {
      if (std::find(tiers_.begin(), tiers_.end(), spec.tier) == tiers_.end()) {
        return FailedPrecondition("the cluster runs without any " + spec.role);
      }
      added.push_back(std::move(filled));
    } else if (!(running->spec() == filled)) {
      return FailedPrecondition(spec.name + " runs with other settings; start the cluster anew");
    }
  }
  for (const auto& process : processes_) {
    const auto same = [&](const ProcessSpec& spec) { return spec.name == process->spec().name; };
    if (std::none_of(wanted.begin(), wanted.end(), same)) removed.push_back(process.get());
  }
  std::vector<Process*> started;
  for (ProcessSpec& spec : added) started.push_back(AddProcess(std::move(spec)));
  const Rescale::Cluster cluster{
      .announce = [this, path, wanted = std::move(wanted)]() -> Status {
        RETURN_IF_ERROR(Render(wanted));
        if (std::rename((path + ".next").c_str(), path.c_str()) == 0) return OkStatus();
        return Unavailable("cannot write " + path);
      },
      .remove = [this](const Process* process) { RemoveProcess(process); }};
  return std::unique_ptr<Command>(std::make_unique<Rescale>(std::move(started), std::move(removed),
                                                            cluster, std::move(client)));
}

Process* Supervisor::Find(std::string_view name) const {
  for (const auto& process : processes_) {
    if (process->spec().name == name) return process.get();
  }
  return nullptr;
}

// The processes of these names or roles, lower tiers first: whoever comes back finds what it needs.
StatusOr<std::vector<Process*>> Supervisor::Choose(const std::vector<std::string>& names) const {
  std::vector<Process*> chosen;
  for (const std::string& name : names) {
    const size_t before = chosen.size();
    for (const auto& process : processes_) {
      const ProcessSpec& spec = process->spec();
      if (spec.name == name || spec.role == name) chosen.push_back(process.get());
    }
    if (chosen.size() == before) {
      return NotFound("no process '" + name + "'; ./topgun ps lists them");
    }
  }
  if (chosen.empty()) return InvalidArgument("name what to restart");
  std::vector<Process*> ordered;
  for (const int tier : tiers_) {
    for (const auto& process : processes_) {
      const bool wanted = std::find(chosen.begin(), chosen.end(), process.get()) != chosen.end();
      if (wanted && process->spec().tier == tier) ordered.push_back(process.get());
    }
  }
  return ordered;
}

void Supervisor::AdvanceCommand(TimePoint now) {
  if (command_ == nullptr) return;
  Status result = OkStatus();
  if (stop_requested_) {
    result = FailedPrecondition("the cluster is being stopped");
  } else if (!command_->Advance(now, &result)) {
    return;
  }
  commander_->Finish(result);
  command_.reset();
  commander_.reset();
}

}  // namespace topgun::supervisor
