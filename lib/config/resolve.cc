// Where the value of a setting comes from: the flag, else the variable, else what the target holds.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/secret_file.h"
#include "setting.h"
#include "values.h"

namespace topgun::config {
namespace {

// An empty variable counts as unset: container files often define variables they leave empty.
std::optional<std::string> ReadVariable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Status ResolveSecret(Setting& setting, const std::string* path) {
  std::optional<std::string> file_path;
  std::optional<std::string> value;
  if (path != nullptr) {
    file_path = *path;
    setting.source = setting.Flag();
  } else if (value = ReadVariable(setting.env); value) {
    setting.source = setting.env;
  } else if (file_path = ReadVariable(setting.env + "_FILE"); file_path) {
    setting.source = setting.env + "_FILE";
  }
  if (file_path) {
    auto content = ReadSecretFile(*file_path);
    if (!content.ok()) return Annotate(content.status(), setting.name + ", " + setting.source);
    value = *std::move(content);
  }
  if (value && !setting.assign(*value)) {
    // Its length is no secret worth keeping from the person who has to fix it.
    return InvalidArgument(setting.name + ": expected " + setting.allowed + ", got " +
                           std::to_string(value->size()) + " bytes from " + setting.source);
  }
  if (file_path && setting.note_file) setting.note_file(*file_path);
  return OkStatus();
}

}  // namespace

Status ResolveSetting(Setting& setting, const std::vector<GivenFlag>& flags) {
  const auto given = std::find_if(flags.begin(), flags.end(),
                                  [&](const GivenFlag& flag) { return flag.name == setting.name; });
  const std::string* const flag = given == flags.end() ? nullptr : &given->value;
  if (setting.kind == SettingKind::kSecret) {
    RETURN_IF_ERROR(ResolveSecret(setting, flag));
  } else {
    std::optional<std::string> value;
    if (flag != nullptr) {
      value = *flag;
      setting.source = setting.Flag();
    } else if (value = ReadVariable(setting.env); value) {
      setting.source = setting.env;
    }
    if (value && !setting.assign(*value)) {
      const std::string limits = setting.allowed.empty() ? "" : " (" + setting.allowed + ")";
      return InvalidArgument(setting.name + ": expected " + setting.type + limits + ", got \"" +
                             MaskCredentials(*value) + "\" from " + setting.source);
    }
  }
  if (setting.required && setting.show().empty()) {
    return InvalidArgument(setting.name + ": required, set " + setting.Flag() + " or " +
                           setting.env);
  }
  return OkStatus();
}

}  // namespace topgun::config
