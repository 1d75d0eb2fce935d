#include "parse.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

#include "base/build_info.h"
#include "environment.h"

namespace topgun::config {
namespace {

constexpr int kBadSettings = 2;  // exit code
constexpr size_t kUnusedShownMax = 20;

std::vector<std::string> Resolve(Declarations& declared, const CommandLine& line) {
  std::vector<std::string> errors;
  const auto note = [&](const Status& status) {
    if (!status.ok()) errors.emplace_back(Message(status));
  };
  const std::string path = line.config_file.empty()
                               ? ReadVariable(declared.env_prefix + "CONFIG").value_or("")
                               : line.config_file;
  const std::vector<FileEntry> file = ReadConfigFile(declared.table, path, errors);
  for (Setting& setting : declared.table) {
    if (setting.kind != SettingKind::kCommand) note(ResolveSetting(setting, line.flags, file));
  }
  // Rules over several settings mean something only once each of them is right.
  if (errors.empty()) {
    for (const auto& rule : declared.checks) note(rule());
  }
  return errors;
}

std::vector<Value> ValuesOf(const Table& table) {
  std::vector<Value> values;
  for (const Setting& setting : table) {
    if (setting.kind == SettingKind::kCommand) continue;
    values.push_back({.name = setting.name,
                      .shown = setting.show(),
                      .source = setting.source,
                      .identity = std::hash<std::string>{}(setting.exact()),
                      .live = setting.live});
  }
  return values;
}

UnknownVariables FindUnknown(const Declarations& declared) {
  std::vector<std::string> known = {declared.env_prefix + "CONFIG"};
  for (const Setting& setting : declared.table) {
    if (setting.kind == SettingKind::kCommand) continue;
    known.push_back(setting.env);
    if (setting.kind == SettingKind::kSecret) known.push_back(setting.env + "_FILE");
  }
  return FindUnknownVariables(declared.env_prefix, known);
}

ParseResult ResultOf(Declarations& declared, const CommandLine& line) {
  ParseResult result;
  result.errors = Resolve(declared, line);
  if (!result.errors.empty()) {
    result.exit_code = kBadSettings;
    return result;
  }
  result.proceed = true;
  result.values = ValuesOf(declared.table);
  result.shown = RenderValues(result.values);
  result.warnings = FindUnknown(declared).warnings;
  return result;
}

ParseResult Refuse(const std::string& program, const std::vector<std::string>& errors) {
  for (const std::string& error : errors) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), error.c_str());
  }
  return {.proceed = false, .exit_code = kBadSettings, .errors = errors};
}

// A command prints something about the program, whatever its settings are.
bool Obey(Table& table, const CommandLine& line) {
  bool commanded = false;
  for (const GivenFlag& flag : line.flags) {
    for (const Setting& setting : table) {
      if (setting.kind == SettingKind::kCommand && setting.name == flag.name) {
        commanded = setting.assign(flag.value);
      }
    }
  }
  return commanded;
}

StatusOr<CommandLine> ReadArguments(const Declarations& declared,
                                    const std::vector<std::string>& arguments) {
  return ReadCommandLine(declared.table, declared.program, declared.description,
                         declared.env_prefix, arguments);
}

// Other programs may share the environment, so this is for whoever asks for a check.
void PrintUnused(const std::string& program, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kUnusedShownMax); ++i) list += " " + names[i];
  if (names.size() > kUnusedShownMax) list += " ...";
  std::fprintf(stderr, "%s: note: variables that this program does not use:%s\n", program.c_str(),
               list.c_str());
}

}  // namespace

ParseResult ParseForMain(Declarations& declared, std::vector<std::string> arguments) {
  const auto line = ReadArguments(declared, arguments);
  if (!line.ok())
    return Refuse(declared.program, {std::string(Message(line.status())), "see --help"});
  switch (line->request) {
    case Request::kHelp:
      std::fputs(line->help_text.c_str(), stdout);
      return {};
    case Request::kVersion:
      std::printf("%s %s (%s)\n", declared.program.c_str(), std::string(Version()).c_str(),
                  std::string(Revision()).c_str());
      return {};
    case Request::kPrintDoc:
      std::fputs(RenderDoc(declared.table, declared.program, declared.description).c_str(), stdout);
      return {};
    case Request::kRun:
    case Request::kCheck:
    case Request::kPrint:
      break;
  }
  if (Obey(declared.table, *line)) return {.proceed = true};
  ParseResult result = ResultOf(declared, *line);
  result.arguments = std::move(arguments);
  if (!result.errors.empty()) return Refuse(declared.program, result.errors);
  if (line->request == Request::kRun) return result;
  for (const std::string& warning : result.warnings) {
    std::fprintf(stderr, "%s: warning: %s\n", declared.program.c_str(), warning.c_str());
  }
  if (line->request == Request::kPrint) {
    std::fputs(result.shown.c_str(), stdout);
  } else {
    PrintUnused(declared.program, FindUnknown(declared).names);
    std::puts("The settings are valid.");
  }
  return {};
}

ParseResult ParseForReload(Declarations& declared, const std::vector<std::string>& arguments) {
  const auto line = ReadArguments(declared, arguments);
  if (!line.ok())
    return {.exit_code = kBadSettings, .errors = {std::string(Message(line.status()))}};
  ParseResult result = ResultOf(declared, *line);
  result.arguments = arguments;
  return result;
}

std::vector<Difference> Compare(const std::vector<Value>& before, const std::vector<Value>& after) {
  std::vector<Difference> differences;
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    if (before[i].identity == after[i].identity) continue;
    differences.push_back({.name = after[i].name,
                           .before = before[i].shown,
                           .after = after[i].shown,
                           .live = after[i].live});
  }
  return differences;
}

}  // namespace topgun::config
