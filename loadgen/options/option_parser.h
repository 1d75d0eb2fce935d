// The command line as the option groups (target.h, load.h, ...) see it: each registers its options,
// grouped in the help text, with the field that each sets. Values are checked while they are
// parsed.
//
// An option that is given twice has its last value, unless it is repeatable.
//
// Parse() may be called several times, one layer over the other: what a later layer does not name
// stays as it is. That is how presets give defaults that explicit options win over.
//
// option_parser.cc is the only file that knows CLI11.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

class OptionParser {
 public:
  OptionParser(const std::string& description, const std::string& footer);
  ~OptionParser();

  // The options that follow belong to this group. Targets must outlive the parser; their values at
  // registration are the defaults that the help text shows.
  void BeginGroup(const std::string& title);

  void Flag(const std::string& name, bool& target, const std::string& help);
  void Text(const std::string& name, const std::string& type, std::string& target,
            const std::string& help);
  // Repeatable; with a delimiter one text may hold several.
  void Texts(const std::string& name, const std::string& type, std::vector<std::string>& target,
             const std::string& help, char delimiter = '\0');
  void Number(const std::string& name, uint32_t& target, uint32_t min, uint32_t max,
              const std::string& help);
  void Share(const std::string& name, double& target, const std::string& help);  // 0..1
  void Count(const std::string& name, uint64_t& target, const std::string& help,
             const std::string& type = "N");  // 1000, 10k, 2M
  void Rate(const std::string& name, double& target, const std::string& help);
  void Duration(const std::string& name, std::chrono::milliseconds& target,
                const std::string& help);

  // Anything else: `set` interprets the text; its error is the user's, behind the option's name.
  using Setter = std::function<Status(const std::string&)>;
  void Custom(const std::string& name, const std::string& type, const std::string& default_text,
              Setter set, const std::string& help);

  template <typename T>
  void Choice(const std::string& name, T& target,
              const std::vector<std::pair<std::string, T>>& choices, const std::string& help) {
    std::string names;
    std::string fallback;
    for (const auto& [text, value] : choices) {
      names += (names.empty() ? "" : "|") + text;
      if (value == target) fallback = text;
    }
    Custom(
        name, names, fallback,
        [&target, choices, names](const std::string& given) {
          for (const auto& [text, value] : choices) {
            if (text != given) continue;
            target = value;
            return OkStatus();
          }
          return InvalidArgument("expected one of " + names + ", got " + given);
        },
        help);
  }

  // Without the program's name. An error names the option.
  Status Parse(const std::vector<std::string>& arguments);
  bool help_wanted() const;  // by the last Parse()
  bool version_wanted() const;
  std::string HelpText() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::loadgen
