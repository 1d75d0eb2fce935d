#include "options/scenario.h"

#include <algorithm>

#include "base/closest_name.h"
#include "options/option_parser.h"
#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kScenarioNameWidth = 17;
constexpr size_t kLineWidth = 100;

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Scenario& scenario : Scenarios()) names.push_back(scenario.name);
  return names;
}

Status UnknownScenario(const std::string& given) {
  const std::vector<std::string> names = Names();
  std::string text = "unknown scenario " + given;
  const std::string closest = ClosestName(given, names);
  text += closest.empty() ? "; there are" : "; did you mean " + closest + "? There are";
  for (const std::string& name : names) text += " " + name;
  return InvalidArgument(text);
}

// The options under the summary, as many per line as fit.
std::string RenderOptions(const std::vector<std::string>& options) {
  std::string text;
  std::string line;
  for (const std::string& option : options) {
    if (!line.empty() && kScenarioNameWidth + line.size() + 1 + option.size() > kLineWidth) {
      text += std::string(kScenarioNameWidth, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + option;
  }
  return line.empty() ? text : text + std::string(kScenarioNameWidth, ' ') + line + "\n";
}

}  // namespace

const Scenario* FindScenario(const std::string& name) {
  const auto& all = Scenarios();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Scenario& scenario) { return scenario.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string RenderScenarios() {
  std::string text = "Scenarios and the options that they are made of; given options win.\n\n";
  for (const Scenario& scenario : Scenarios()) {
    text += PadRight(scenario.name, kScenarioNameWidth) + scenario.summary + "\n";
    text += RenderOptions(scenario.options);
  }
  return text;
}

void RegisterScenarioOptions(OptionParser& parser, std::string& name, bool& list) {
  parser.BeginGroup("General");
  parser.Custom(
      "--scenario", "NAME", name,
      [&name](const std::string& text) {
        if (FindScenario(text) == nullptr) return UnknownScenario(text);
        name = text;
        return OkStatus();
      },
      "Preset of defaults, like smoke (5 s, verified), write (full load), mixed, query,\n"
      "ycsb-a; --list-scenarios tells all");
  parser.Flag("--list-scenarios", list, "Print the scenarios and the options each stands for");
}

}  // namespace topgun::loadgen
