// What the supervisor does with a line from its control socket.
#include <algorithm>
#include <sstream>
#include <utility>

#include "logging/logging.h"
#include "supervisor/rolling_restart.h"
#include "supervisor/supervisor.h"

namespace topgun::supervisor {
namespace {

std::vector<std::string> WordsOf(std::string_view line) {
  std::istringstream text{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
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
  if (words.empty() || words.front() != "restart") {
    return InvalidArgument("no command '" + std::string(line) + "'; there is: restart NAME...");
  }
  words.erase(words.begin());
  ASSIGN_OR_RETURN(std::vector<Process*> chosen, Choose(words));
  return std::unique_ptr<Command>(std::make_unique<RollingRestart>(
      std::move(chosen), [this] { return AllReady(); }, std::move(client)));
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
