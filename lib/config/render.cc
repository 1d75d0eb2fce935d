#include <algorithm>

#include "setting.h"

namespace topgun::config {
namespace {

// A pipe would end the cell.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string Code(const std::string& text) { return text.empty() ? "" : "`" + Cell(text) + "`"; }

std::string Row(const Setting& setting) {
  std::string variable = Code(setting.env);
  if (setting.kind == SettingKind::kSecret) variable += ", " + Code(setting.env + "_FILE");
  const std::string fallback =
      setting.required && setting.default_text.empty() ? "required" : Code(setting.default_text);
  const std::string allowed =
      setting.type + (setting.allowed.empty() ? "" : ": ") + setting.allowed;
  return "| " + Code(setting.Flag()) + " | " + variable + " | " + fallback + " | " + Cell(allowed) +
         " | " + (setting.live ? "live" : "restart") + " | " + Cell(setting.help) + " |\n";
}

// In the order of first use: the table is written in an order that makes sense to read.
std::vector<std::string> Groups(const Table& table) {
  std::vector<std::string> groups;
  for (const Setting& setting : table) {
    if (setting.kind == SettingKind::kCommand) continue;
    if (std::find(groups.begin(), groups.end(), setting.group) == groups.end()) {
      groups.push_back(setting.group);
    }
  }
  return groups;
}

}  // namespace

std::string RenderValues(const std::vector<Value>& values) {
  std::string out;
  for (const Value& value : values) {
    out += value.name + " = " + value.shown + "  (" + value.source + ")\n";
  }
  return out;
}

std::string RenderDoc(const Table& table, const std::string& program,
                      const std::string& description) {
  std::string out = "## " + program + "\n\n" + description + "\n";
  for (const std::string& group : Groups(table)) {
    out += "\n### " + group + "\n\n";
    out += "| Flag | Variable | Default | Values | Reload | Meaning |\n|---|---|---|---|---|---|\n";
    for (const Setting& setting : table) {
      if (setting.kind != SettingKind::kCommand && setting.group == group) out += Row(setting);
    }
  }
  return out;
}

}  // namespace topgun::config
