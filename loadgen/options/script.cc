#include "options/script.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string_view>

namespace topgun::loadgen {
namespace {

namespace json = boost::json;

constexpr size_t kPhasesMax = 1'000;
// These belong to the whole: one report, one search, one target.
constexpr std::array<std::string_view, 8> kNotInPhases = {"script", "steps", "find-max", "json",
                                                          "help",   "html",  "agents",   "url"};

std::string Text(const json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

Status AddOption(std::string_view name, const json::value& value, ScriptPhase* phase) {
  if (std::find(kNotInPhases.begin(), kNotInPhases.end(), name) != kNotInPhases.end()) {
    return InvalidArgument(std::string(name) + " belongs on the command line, not into a phase");
  }
  const std::string option = "--" + std::string(name);
  if (value.is_bool()) {
    if (value.as_bool()) phase->options.push_back(option);
    return OkStatus();
  }
  if (value.is_object() || value.is_array() || value.is_null()) {
    return InvalidArgument(std::string(name) + " must be a string, a number, or true");
  }
  phase->options.push_back(option + "=" + Text(value));
  return OkStatus();
}

Status ReadPhase(const json::value& value, ScriptPhase* phase) {
  if (!value.is_object()) return InvalidArgument("must be an object like {\"name\": \"peak\"}");
  for (const auto& [key, member] : value.as_object()) {
    const std::string_view name(key.data(), key.size());
    if (name == "name" && member.is_string()) {
      phase->name = std::string(member.as_string());
    } else {
      RETURN_IF_ERROR(AddOption(name, member, phase));
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::vector<ScriptPhase>> ParseScript(const std::string& text) {
  json::error_code error;
  json::stream_parser parser;
  size_t read = parser.write_some(text, error);
  const size_t extra = text.find_first_not_of(" \t\r\n", read);
  if (!error && parser.done() && extra != std::string::npos) {
    error = json::error::extra_data;
    read = extra;
  }
  if (!error) parser.finish(error);
  if (error) {
    const auto line = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(read), '\n');
    return InvalidArgument("line " + std::to_string(line + 1) + ": " + error.message());
  }
  const json::value root = parser.release();
  if (!root.is_array() || root.as_array().empty() || root.as_array().size() > kPhasesMax) {
    return InvalidArgument("expected a list of 1 to " + std::to_string(kPhasesMax) + " phases");
  }
  std::vector<ScriptPhase> phases;
  for (const json::value& value : root.as_array()) {
    ScriptPhase& phase = phases.emplace_back();
    phase.name = "phase " + std::to_string(phases.size());
    if (const Status status = ReadPhase(value, &phase); !status.ok()) {
      return InvalidArgument(phase.name + ": " + std::string(Message(status)));
    }
  }
  return phases;
}

StatusOr<std::vector<ScriptPhase>> ReadScript(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return InvalidArgument("--script: cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto phases = ParseScript(text);
  if (!phases.ok()) {
    return InvalidArgument("--script " + path + ", " + std::string(Message(phases.status())));
  }
  return phases;
}

}  // namespace topgun::loadgen
