// The only file that knows CLI11. It hands the texts of the flags on, unparsed: limits, variables
// and messages are the same for every source that way.
#include <CLI/CLI.hpp>
#include <deque>

#include "base/closest_name.h"
#include "setting.h"

namespace topgun::config {
namespace {

std::string HelpText(const Setting& setting) {
  std::string text = setting.help;
  if (!setting.allowed.empty()) text += " (" + setting.allowed + ")";
  if (setting.kind == SettingKind::kCommand) return text;
  text += " [" + setting.env;
  if (!setting.default_text.empty()) text += ", default " + setting.default_text;
  if (setting.live) text += ", live";
  return text += setting.required ? ", required]" : "]";
}

CLI::Option* AddOption(CLI::App& app, const Setting& setting, std::string& value) {
  const bool takes_value =
      setting.kind == SettingKind::kValue || setting.kind == SettingKind::kSecret;
  const std::string flag = setting.Flag();
  CLI::Option* const option = takes_value ? app.add_option(flag, value, HelpText(setting))
                                          : app.add_flag(flag, value, HelpText(setting));
  if (takes_value) {
    option->type_name(setting.kind == SettingKind::kSecret ? "FILE" : "<" + setting.type + ">");
  }
  return option->group(setting.group);
}

// The first argument that nobody takes: behind an unknown flag comes its value.
Status UnknownArgument(const CLI::App& app, const std::string& argument) {
  if (!argument.starts_with("-")) {
    return InvalidArgument("unexpected argument \"" + argument + "\"");
  }
  const std::string flag = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* const option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string closest = ClosestName(flag, known);
  return InvalidArgument("unknown flag " + flag +
                         (closest.empty() ? "" : "; did you mean " + closest + "?"));
}

}  // namespace

StatusOr<CommandLine> ReadCommandLine(const Table& table, const std::string& program,
                                      const std::string& description, const std::string& env_prefix,
                                      const std::vector<std::string>& arguments) {
  CLI::App app(description, program);
  app.set_help_flag("--help,-h", "Prints this text");
  app.get_formatter()->column_width(36);
  app.allow_extras();

  CommandLine result;
  app.add_option("--config", result.config_file,
                 "File of settings, name = value per line [" + env_prefix + "CONFIG]")
      ->type_name("FILE");
  const auto add_request = [&](const char* flag, const char* help, Request request) {
    app.add_flag_callback(
        flag, [&result, request] { result.request = request; }, help);
  };
  add_request("--version", "Prints the version", Request::kVersion);
  add_request("--check-config", "Checks the settings and ends", Request::kCheck);
  add_request("--print-config", "Prints the settings in effect, secrets masked", Request::kPrint);
  add_request("--print-config-doc", "Prints the documentation of the settings", Request::kPrintDoc);

  std::deque<std::string> values;  // stable addresses for CLI11
  std::vector<CLI::Option*> options;
  for (const Setting& setting : table) {
    options.push_back(AddOption(app, setting, values.emplace_back()));
  }

  try {
    // CLI11 takes them from the end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    result.request = Request::kHelp;
    result.help_text = app.help();
    return result;
  } catch (const CLI::ParseError& error) {
    return InvalidArgument(error.what());
  }
  if (const std::vector<std::string> unknown = app.remaining(); !unknown.empty()) {
    return UnknownArgument(app, unknown.front());
  }
  for (size_t i = 0; i < table.size(); ++i) {
    if (options[i]->count() > 0) result.flags.push_back({table[i].name, options[i]->results()[0]});
  }
  return result;
}

}  // namespace topgun::config
