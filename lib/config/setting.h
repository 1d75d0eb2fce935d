// One row of the settings table, with its type erased: what the command line, the environment and
// the printed forms need to know about it. Private to this library.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/settings.h"
#include "config_file.h"

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
  bool live = false;

  std::function<bool(std::string_view)> assign;  // false: not a value, the target is unchanged
  std::function<std::string()> show;             // the target as text, fit for printing
  std::function<void(const std::string&)>
      note_file;                       // of a secret that came from one; may be empty
  std::function<std::string()> exact;  // the same unmasked: only ever to be hashed

  std::string source = "default";  // set by Parse(): where the value came from

  // What stands behind the dashes and in a file.
  std::string Name() const { return name + (kind == SettingKind::kSecret ? "-file" : ""); }
  std::string Flag() const { return "--" + Name(); }
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
  std::string config_file;  // --config; empty: not given
};

// Reads the flags; unknown ones, repeated ones and ones without a value are errors.
StatusOr<CommandLine> ReadCommandLine(const Table& table, const std::string& program,
                                      const std::string& description, const std::string& env_prefix,
                                      const std::vector<std::string>& arguments);

// The entries of the file that --config or the variable names; none without. Errors name unknown
// and repeated settings.
std::vector<FileEntry> ReadConfigFile(const Table& table, const std::string& path,
                                      std::vector<std::string>& errors);

// Sets the target from the flag, the variable or the file and notes the source in the row.
Status ResolveSetting(Setting& setting, const std::vector<GivenFlag>& flags,
                      const std::vector<FileEntry>& file);

// The variable's value; an empty one counts as unset.
std::optional<std::string> ReadVariable(const std::string& name);

// A section of docs/configuration.md.
std::string RenderDoc(const Table& table, const std::string& program,
                      const std::string& description);

}  // namespace topgun::config
