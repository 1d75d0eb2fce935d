#include "config/settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "environment.h"
#include "parse.h"
#include "setting.h"
#include "values.h"

namespace topgun::config {
namespace {

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

}  // namespace

struct Settings::Impl : Declarations {
  Setting& AddRow(SettingKind kind, std::string name, std::string help, const Options& options);

  // One row for a value of type T: `parse` returns nothing for a text that is no T, `accept`
  // applies the limits.
  template <typename T, typename ParseFn, typename AcceptFn, typename FormatFn>
  Setting& AddTyped(std::string name, T* target, std::string help, const Options& options,
                    ParseFn parse, AcceptFn accept, FormatFn format);
  template <std::integral T>
  void AddInteger(std::string name, T* target, std::string help, Options options);
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

ParseResult Settings::Parse(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  return ParseForMain(*impl_, std::move(arguments));
}

ParseResult Settings::ParseAgain(const std::vector<std::string>& arguments) {
  return ParseForReload(*impl_, arguments);
}

}  // namespace topgun::config
