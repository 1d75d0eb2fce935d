// Where the value of a setting comes from: the flag, else the variable, else the file, else what
// the target holds.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "base/closest_name.h"
#include "base/secret_file.h"
#include "setting.h"
#include "values.h"

namespace topgun::config {
namespace {

const FileEntry* Find(const std::vector<FileEntry>& file, const std::string& name) {
  const auto found = std::find_if(file.begin(), file.end(),
                                  [&](const FileEntry& entry) { return entry.name == name; });
  return found == file.end() ? nullptr : &*found;
}

Status ResolveSecret(Setting& setting, const std::string* path, const FileEntry* entry) {
  std::optional<std::string> file_path;
  std::optional<std::string> value;
  if (path != nullptr) {
    file_path = *path;
    setting.source = setting.Flag();
  } else if (value = ReadVariable(setting.env); value) {
    setting.source = setting.env;
  } else if (file_path = ReadVariable(setting.env + "_FILE"); file_path) {
    setting.source = setting.env + "_FILE";
  } else if (entry != nullptr) {
    file_path = entry->value;
    setting.source = entry->where;
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

// Why a line of the file is none that this program understands.
std::string UnknownName(const Table& table, const FileEntry& entry) {
  std::vector<std::string> known;
  for (const Setting& setting : table) {
    if (setting.kind == SettingKind::kCommand) continue;
    known.push_back(setting.Name());
    if (setting.kind == SettingKind::kSecret && setting.name == entry.name) {
      return entry.where + ": a secret belongs into a file of its own, named by " + setting.Name();
    }
  }
  const std::string closest = ClosestName(entry.name, known);
  return entry.where + ": unknown setting " + entry.name +
         (closest.empty() ? "" : "; did you mean " + closest + "?");
}

}  // namespace

// Container files often define variables they leave empty.
std::optional<std::string> ReadVariable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::vector<FileEntry> ReadConfigFile(const Table& table, const std::string& path,
                                      std::vector<std::string>& errors) {
  if (path.empty()) return {};
  const auto content = ReadSmallFile(path, kConfigFileBytesMax);
  if (!content.ok()) {
    errors.push_back("config: " + std::string(Message(content.status())));
    return {};
  }
  std::vector<FileEntry> entries = ParseConfigFile(path, *content, errors);
  std::set<std::string> seen;
  for (const FileEntry& entry : entries) {
    const bool known = std::any_of(table.begin(), table.end(), [&](const Setting& setting) {
      return setting.kind != SettingKind::kCommand && setting.Name() == entry.name;
    });
    if (!known) {
      errors.push_back(UnknownName(table, entry));
    } else if (!seen.insert(entry.name).second) {
      errors.push_back(entry.where + ": " + entry.name + " is set twice");
    }
  }
  return entries;
}

Status ResolveSetting(Setting& setting, const std::vector<GivenFlag>& flags,
                      const std::vector<FileEntry>& file) {
  const auto given = std::find_if(flags.begin(), flags.end(),
                                  [&](const GivenFlag& flag) { return flag.name == setting.name; });
  const std::string* const flag = given == flags.end() ? nullptr : &given->value;
  const FileEntry* const entry = Find(file, setting.Name());
  if (setting.kind == SettingKind::kSecret) {
    RETURN_IF_ERROR(ResolveSecret(setting, flag, entry));
  } else {
    std::optional<std::string> value;
    if (flag != nullptr) {
      value = *flag;
      setting.source = setting.Flag();
    } else if (value = ReadVariable(setting.env); value) {
      setting.source = setting.env;
    } else if (entry != nullptr) {
      value = entry->value;
      setting.source = entry->where;
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
