// One row of the settings table, with its type erased: what the command line, the environment and
// the printed forms need to know about it. Private to this library.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::config {

enum class SettingKind {
  kValue,    // flag with a value, variable
  kSwitch,   // flag without or with a value, variable
  kSecret,   // variable or file
  kCommand,  // flag without value, nothing else
};

struct Setting {
  SettingKind kind = SettingKind::kValue;
  std::string name;
  std::string env;
  std::string group;
  std::string help;
  std::string type;     // "whole number", for messages: expected a <type>
  std::string allowed;  // "1 to 64", or empty
  std::string default_text;
  bool required = false;

  std::function<bool(std::string_view)> assign;  // false: not a value, the target is unchanged
  std::function<std::string()> show;             // the target as text, fit for printing
  std::function<void(const std::string&)>
      note_file;  // of a secret that came from one; may be empty

  std::string source = "default";  // set by Parse(): where the value came from

  std::string Flag() const { return "--" + name + (kind == SettingKind::kSecret ? "-file" : ""); }
};

using Table = std::vector<Setting>;

// A flag as given, by the name of its setting.
struct GivenFlag {
  std::string name;
  std::string value;
};

enum class Request { kRun, kHelp, kVersion, kCheck, kPrint, kPrintDoc };

struct CommandLine {
  Request request = Request::kRun;
  std::string help_text;  // for kHelp
  std::vector<GivenFlag> flags;
};

// Reads the flags; unknown ones, repeated ones and ones without a value are errors.
StatusOr<CommandLine> ReadCommandLine(const Table& table, const std::string& program,
                                      const std::string& description, int argc,
                                      const char* const* argv);

// Sets the target from the flag or the variable and notes the source in the row.
Status ResolveSetting(Setting& setting, const std::vector<GivenFlag>& flags);

// name = value (source), one line per setting, secrets masked.
std::string RenderValues(const Table& table);

// A section of docs/configuration.md.
std::string RenderDoc(const Table& table, const std::string& program,
                      const std::string& description);

}  // namespace topgun::config
