#include "config/settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/build_info.h"
#include "environment.h"
#include "setting.h"
#include "values.h"

namespace topgun::config {
namespace {

constexpr int kBadSettings = 2;  // exit code
constexpr size_t kUnusedShownMax = 20;

std::string UpperSnakeCase(std::string_view name) {
  std::string out;
  for (const char c : name) {
    out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return out;
}

// "1 to 64", "at least 1", "at most 64" or nothing.
template <typename Format>
std::string Range(const Options& options, Format format) {
  if (options.min && options.max) return format(*options.min) + " to " + format(*options.max);
  if (options.min) return "at least " + format(*options.min);
  if (options.max) return "at most " + format(*options.max);
  return {};
}

std::string OneOf(const Options& options) {
  std::string out;
  for (const std::string& value : options.allowed) out += (out.empty() ? "" : ", ") + value;
  return out.empty() ? out : "one of " + out;
}

std::string Join(const std::string& left, const std::string& right) {
  return left + (left.empty() || right.empty() ? "" : ", ") + right;
}

template <std::integral T>
bool InRange(T value, const Options& options) {
  return !(options.min && std::cmp_less(value, *options.min)) &&
         !(options.max && std::cmp_greater(value, *options.max));
}

bool IsAllowed(const std::string& value, const Options& options) {
  return options.allowed.empty() ||
         std::find(options.allowed.begin(), options.allowed.end(), value) != options.allowed.end();
}

std::string FormatInteger(int64_t value) { return std::to_string(value); }

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

struct Settings::Impl {
  std::string program;
  std::string description;
  std::string env_prefix;
  Table table;
  std::vector<std::function<Status()>> checks;

  Setting& AddRow(SettingKind kind, std::string name, std::string help, const Options& options);

  // One row for a value of type T: `parse` returns nothing for a text that is no T, `accept`
  // applies the limits.
  template <typename T, typename ParseFn, typename AcceptFn, typename FormatFn>
  Setting& AddTyped(std::string name, T* target, std::string help, const Options& options,
                    ParseFn parse, AcceptFn accept, FormatFn format);
  template <std::integral T>
  void AddInteger(std::string name, T* target, std::string help, Options options);

  StatusOr<CommandLine> ReadArguments(const std::vector<std::string>& arguments) const {
    return ReadCommandLine(table, program, description, env_prefix, arguments);
  }
  // True when a flag asked for something else than running.
  bool Obey(const CommandLine& line);
  std::vector<std::string> Resolve(const CommandLine& line);
  std::vector<Value> Values() const;
  UnknownVariables FindUnknown() const;
  ParseResult ResultOf(const CommandLine& line);
  ParseResult Refuse(const std::vector<std::string>& errors) const;
};

Setting& Settings::Impl::AddRow(SettingKind kind, std::string name, std::string help,
                                const Options& options) {
  Setting setting;
  setting.kind = kind;
  setting.env = options.env.empty() ? env_prefix + UpperSnakeCase(name) : options.env;
  setting.group = options.group.empty() ? "General" : options.group;
  setting.name = std::move(name);
  setting.help = std::move(help);
  setting.required = options.required;
  setting.live = options.live;
  if (IsServiceVariable(setting.env)) {
    std::fprintf(stderr, "setting %s: Kubernetes may set %s by itself\n", setting.name.c_str(),
                 setting.env.c_str());
    std::abort();
  }
  for (const Setting& other : table) {
    if (other.Flag() == setting.Flag() || other.name == setting.name) {
      std::fprintf(stderr, "setting %s is declared twice\n", setting.name.c_str());
      std::abort();
    }
  }
  return table.emplace_back(std::move(setting));
}

template <typename T, typename ParseFn, typename AcceptFn, typename FormatFn>
Setting& Settings::Impl::AddTyped(std::string name, T* target, std::string help,
                                  const Options& options, ParseFn parse, AcceptFn accept,
                                  FormatFn format) {
  Setting& row = AddRow(SettingKind::kValue, std::move(name), std::move(help), options);
  row.assign = [target, options, parse, accept](std::string_view text) {
    auto value = parse(text);
    if (!value || !accept(*value, options)) return false;
    *target = *std::move(value);
    return true;
  };
  row.show = [target, format] { return format(*target); };
  row.exact = row.show;
  row.default_text = row.show();
  return row;
}

template <std::integral T>
void Settings::Impl::AddInteger(std::string name, T* target, std::string help, Options options) {
  if constexpr (std::is_unsigned_v<T>) {
    if (!options.min) options.min = 0;
    if constexpr (sizeof(T) < sizeof(int64_t)) {
      if (!options.max) options.max = std::numeric_limits<T>::max();
    }
  }
  Setting& row = AddTyped(std::move(name), target, std::move(help), options, ParseInteger<T>,
                          InRange<T>, [](T value) { return std::to_string(value); });
  row.type = "whole number";
  row.allowed = Range(options, FormatInteger);
}

Settings::Settings(std::string program, std::string description, std::string env_prefix)
    : impl_(std::make_unique<Impl>()) {
  impl_->program = std::move(program);
  impl_->description = std::move(description);
  impl_->env_prefix = std::move(env_prefix);
}

Settings::~Settings() = default;

void Settings::Add(std::string name, std::string* target, std::string help, Options options) {
  const auto accept = [](const std::string& text, const Options& limits) {
    return InRange(text.size(), limits) && IsAllowed(text, limits);
  };
  Setting& row = impl_->AddTyped(
      std::move(name), target, std::move(help), options,
      [](std::string_view text) { return std::optional<std::string>(text); }, accept,
      [](const std::string& text) { return MaskCredentials(text); });
  row.exact = [target] { return *target; };
  row.type = "text";
  const std::string range = Range(options, FormatInteger);
  row.allowed = Join(range.empty() ? range : range + " bytes", OneOf(options));
}

void Settings::Add(std::string name, int* target, std::string help, Options options) {
  impl_->AddInteger(std::move(name), target, std::move(help), std::move(options));
}
void Settings::Add(std::string name, int64_t* target, std::string help, Options options) {
  impl_->AddInteger(std::move(name), target, std::move(help), std::move(options));
}
void Settings::Add(std::string name, uint16_t* target, std::string help, Options options) {
  impl_->AddInteger(std::move(name), target, std::move(help), std::move(options));
}
void Settings::Add(std::string name, uint32_t* target, std::string help, Options options) {
  impl_->AddInteger(std::move(name), target, std::move(help), std::move(options));
}
void Settings::Add(std::string name, uint64_t* target, std::string help, Options options) {
  impl_->AddInteger(std::move(name), target, std::move(help), std::move(options));
}

void Settings::Add(std::string name, double* target, std::string help, Options options) {
  const auto accept = [](double value, const Options& limits) {
    return !(limits.min && value < static_cast<double>(*limits.min)) &&
           !(limits.max && value > static_cast<double>(*limits.max));
  };
  Setting& row = impl_->AddTyped(std::move(name), target, std::move(help), options, ParseDouble,
                                 accept, FormatDouble);
  row.type = "number";
  row.allowed = Range(options, FormatInteger);
}

void Settings::Add(std::string name, bool* target, std::string help, Options options) {
  const auto accept = [](bool, const Options&) { return true; };
  Setting& row =
      impl_->AddTyped(std::move(name), target, std::move(help), options, ParseBool, accept,
                      [](bool value) { return std::string(value ? "true" : "false"); });
  row.kind = SettingKind::kSwitch;
  row.type = "true or false";
}

void Settings::Add(std::string name, std::vector<std::string>* target, std::string help,
                   Options options) {
  const auto accept = [](const std::vector<std::string>& entries, const Options& limits) {
    return InRange(entries.size(), limits) &&
           std::all_of(entries.begin(), entries.end(),
                       [&](const std::string& entry) { return IsAllowed(entry, limits); });
  };
  const auto format = [](const std::vector<std::string>& entries) {
    return MaskCredentials(FormatList(entries));
  };
  Setting& row =
      impl_->AddTyped(std::move(name), target, std::move(help), options, ParseList, accept, format);
  row.exact = [target] { return FormatList(*target); };
  row.type = "comma separated list";
  const std::string range = Range(options, FormatInteger);
  const std::string each = OneOf(options);
  row.allowed =
      Join(range.empty() ? range : range + " entries", each.empty() ? "" : "each " + each);
}

void Settings::Add(std::string name, std::chrono::milliseconds* target, std::string help,
                   Options options) {
  const auto accept = [](std::chrono::milliseconds value, const Options& limits) {
    return InRange(value.count(), limits);
  };
  Setting& row = impl_->AddTyped(std::move(name), target, std::move(help), options, ParseDuration,
                                 accept, FormatDuration);
  row.type = "duration (ms, s, m, h, d)";
  row.allowed = Range(
      options, [](int64_t value) { return FormatDuration(std::chrono::milliseconds(value)); });
}

void Settings::AddBytes(std::string name, uint64_t* target, std::string help, Options options) {
  Setting& row = impl_->AddTyped(std::move(name), target, std::move(help), options, ParseBytes,
                                 InRange<uint64_t>, FormatBytes);
  row.type = "bytes (KiB, MiB, GiB)";
  row.allowed =
      Range(options, [](int64_t value) { return FormatBytes(static_cast<uint64_t>(value)); });
}

void Settings::AddSecret(std::string name, std::string* target, std::string* file, std::string help,
                         Options options) {
  AddSecret(std::move(name), target, std::move(help), std::move(options));
  impl_->table.back().note_file = [file](const std::string& path) { *file = path; };
  impl_->table.back().live = true;
}

void Settings::AddSecret(std::string name, std::string* target, std::string help, Options options) {
  Setting& row = impl_->AddRow(SettingKind::kSecret, std::move(name), std::move(help), options);
  row.assign = [target, options](std::string_view text) {
    if (!InRange(text.size(), options)) return false;
    *target = text;
    return true;
  };
  row.show = [target] { return std::string(target->empty() ? "" : "***"); };
  row.exact = [target] { return *target; };
  row.type = "secret";
  const std::string range = Range(options, FormatInteger);
  row.allowed = range.empty() ? range : range + " bytes";
}

void Settings::AddCommand(std::string name, bool* target, std::string help) {
  Setting& row = impl_->AddRow(SettingKind::kCommand, std::move(name), std::move(help), {});
  row.group = "Options";  // among --help and the like
  row.assign = [target](std::string_view) { return *target = true; };
}

void Settings::AddCheck(std::function<Status()> rule) { impl_->checks.push_back(std::move(rule)); }

std::vector<std::string> Settings::Impl::Resolve(const CommandLine& line) {
  std::vector<std::string> errors;
  const auto note = [&](const Status& status) {
    if (!status.ok()) errors.emplace_back(Message(status));
  };
  const std::string path = line.config_file.empty()
                               ? ReadVariable(env_prefix + "CONFIG").value_or("")
                               : line.config_file;
  const std::vector<FileEntry> file = ReadConfigFile(table, path, errors);
  for (Setting& setting : table) {
    if (setting.kind != SettingKind::kCommand) note(ResolveSetting(setting, line.flags, file));
  }
  // Rules over several settings mean something only once each of them is right.
  if (errors.empty()) {
    for (const auto& rule : checks) note(rule());
  }
  return errors;
}

std::vector<Value> Settings::Impl::Values() const {
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

UnknownVariables Settings::Impl::FindUnknown() const {
  std::vector<std::string> known = {env_prefix + "CONFIG"};
  for (const Setting& setting : table) {
    if (setting.kind == SettingKind::kCommand) continue;
    known.push_back(setting.env);
    if (setting.kind == SettingKind::kSecret) known.push_back(setting.env + "_FILE");
  }
  return FindUnknownVariables(env_prefix, known);
}

ParseResult Settings::Impl::ResultOf(const CommandLine& line) {
  ParseResult result;
  result.errors = Resolve(line);
  if (!result.errors.empty()) {
    result.exit_code = kBadSettings;
    return result;
  }
  result.proceed = true;
  result.values = Values();
  result.shown = RenderValues(result.values);
  result.warnings = FindUnknown().warnings;
  return result;
}

ParseResult Settings::Impl::Refuse(const std::vector<std::string>& errors) const {
  for (const std::string& error : errors) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), error.c_str());
  }
  return {.proceed = false, .exit_code = kBadSettings, .errors = errors};
}

// A command prints something about the program, whatever its settings are.
bool Settings::Impl::Obey(const CommandLine& line) {
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

ParseResult Settings::Parse(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  const auto line = impl_->ReadArguments(arguments);
  if (!line.ok()) return impl_->Refuse({std::string(Message(line.status())), "see --help"});
  switch (line->request) {
    case Request::kHelp:
      std::fputs(line->help_text.c_str(), stdout);
      return {};
    case Request::kVersion:
      std::printf("%s %s (%s)\n", impl_->program.c_str(), std::string(Version()).c_str(),
                  std::string(Revision()).c_str());
      return {};
    case Request::kPrintDoc:
      std::fputs(RenderDoc(impl_->table, impl_->program, impl_->description).c_str(), stdout);
      return {};
    case Request::kRun:
    case Request::kCheck:
    case Request::kPrint:
      break;
  }
  if (impl_->Obey(*line)) return {.proceed = true};
  ParseResult result = impl_->ResultOf(*line);
  result.arguments = std::move(arguments);
  if (!result.errors.empty()) return impl_->Refuse(result.errors);
  if (line->request == Request::kRun) return result;
  for (const std::string& warning : result.warnings) {
    std::fprintf(stderr, "%s: warning: %s\n", impl_->program.c_str(), warning.c_str());
  }
  if (line->request == Request::kPrint) {
    std::fputs(result.shown.c_str(), stdout);
  } else {
    PrintUnused(impl_->program, impl_->FindUnknown().names);
    std::puts("The settings are valid.");
  }
  return {};
}

ParseResult Settings::ParseAgain(const std::vector<std::string>& arguments) {
  const auto line = impl_->ReadArguments(arguments);
  if (!line.ok())
    return {.exit_code = kBadSettings, .errors = {std::string(Message(line.status()))}};
  ParseResult result = impl_->ResultOf(*line);
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
