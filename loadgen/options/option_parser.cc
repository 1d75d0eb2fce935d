// A tool for people is better served by CLI11 than by lib/config: repeatable options, grouped help
// and a footer with examples.
#include "options/option_parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/closest_name.h"
#include "options/values.h"

namespace topgun::loadgen {

struct OptionParser::Impl {
  Impl(const std::string& description, const std::string& footer)
      : app(description, "topgun-loadgen") {
    app.footer(footer);
    app.set_help_flag("-h,--help", "Print this text")->group("General");
    app.set_version_flag("--version", "", "Print version and git revision")->group("General");
    app.get_formatter()->column_width(34);
  }

  // Given twice, the later one wins: a preset or a script adds to what it builds on.
  CLI::Option* AddOne(CLI::Option* option, const std::string& type) {
    return Add(option, type)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  CLI::Option* Add(CLI::Option* option, const std::string& type) {
    option->group(group);
    if (!type.empty()) option->type_name(type);
    return option;
  }

  // For the first option that there is not.
  std::string SuggestionFor(const std::vector<std::string>& arguments) const {
    std::vector<std::string> known;
    for (const CLI::Option* const option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    for (const std::string& argument : arguments) {
      const std::string name = argument.substr(0, argument.find('='));
      if (!name.starts_with("--") || std::find(known.begin(), known.end(), name) != known.end()) {
        continue;
      }
      const std::string closest = ClosestName(name, known);
      return closest.empty() ? "" : "; did you mean " + closest + "?";
    }
    return {};
  }

  CLI::App app;
  std::string group = "General";
  bool help_wanted = false;
  bool version_wanted = false;
};

OptionParser::OptionParser(const std::string& description, const std::string& footer)
    : impl_(std::make_unique<Impl>(description, footer)) {}

OptionParser::~OptionParser() = default;

void OptionParser::BeginGroup(const std::string& title) { impl_->group = title; }

void OptionParser::Flag(const std::string& name, bool& target, const std::string& help) {
  impl_->Add(impl_->app.add_flag(name, target, help), "");
}

void OptionParser::Text(const std::string& name, const std::string& type, std::string& target,
                        const std::string& help) {
  CLI::Option* const option = impl_->AddOne(impl_->app.add_option(name, target, help), type);
  if (!target.empty()) option->capture_default_str();
}

void OptionParser::Texts(const std::string& name, const std::string& type,
                         std::vector<std::string>& target, const std::string& help,
                         char delimiter) {
  CLI::Option* const option = impl_->Add(impl_->app.add_option(name, target, help), type);
  if (!target.empty()) option->capture_default_str();
  if (delimiter != '\0') option->delimiter(delimiter);
}

void OptionParser::Number(const std::string& name, uint32_t& target, uint32_t min, uint32_t max,
                          const std::string& help) {
  impl_->AddOne(impl_->app.add_option(name, target, help), "N")
      ->check(CLI::Range(min, max).description(""))
      ->capture_default_str();
}

void OptionParser::Share(const std::string& name, double& target, const std::string& help) {
  impl_->AddOne(impl_->app.add_option(name, target, help), "0..1")
      ->check(CLI::Range(0.0, 1.0).description(""))
      ->capture_default_str();
}

void OptionParser::Count(const std::string& name, uint64_t& target, const std::string& help,
                         const std::string& type) {
  Custom(
      name, type, std::to_string(target),
      [&target](const std::string& text) {
        const auto count = ParseCount(text);
        if (!count) return InvalidArgument("expected a number like 1000 or 10k, got " + text);
        target = *count;
        return OkStatus();
      },
      help);
}

void OptionParser::Rate(const std::string& name, double& target, const std::string& help) {
  Custom(
      name, "N/S", RateText(target),
      [&target](const std::string& text) {
        const auto rate = ParseRate(text);
        if (!rate) return InvalidArgument("expected a rate like 50k, got " + text);
        target = *rate;
        return OkStatus();
      },
      help);
}

void OptionParser::Duration(const std::string& name, std::chrono::milliseconds& target,
                            const std::string& help) {
  Custom(
      name, "TIME", DurationText(target),
      [&target](const std::string& text) {
        const auto time = ParseDuration(text);
        if (!time) return InvalidArgument("expected a time like 30s, got " + text);
        target = *time;
        return OkStatus();
      },
      help);
}

void OptionParser::Custom(const std::string& name, const std::string& type,
                          const std::string& default_text, Setter set, const std::string& help) {
  const auto parse = [name, set = std::move(set)](const std::string& text) {
    const Status status = set(text);
    if (!status.ok()) throw CLI::ValidationError(name, std::string(Message(status)));
  };
  CLI::Option* const option =
      impl_->AddOne(impl_->app.add_option_function<std::string>(name, parse, help), type);
  if (!default_text.empty()) option->default_str(default_text);
}

Status OptionParser::Parse(const std::vector<std::string>& arguments) {
  impl_->help_wanted = false;
  impl_->version_wanted = false;
  try {
    // CLI11 takes them from the back.
    impl_->app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    impl_->help_wanted = true;
  } catch (const CLI::CallForVersion&) {
    impl_->version_wanted = true;
  } catch (const CLI::ExtrasError& error) {
    return InvalidArgument(error.what() + impl_->SuggestionFor(arguments));
  } catch (const CLI::ParseError& error) {
    return InvalidArgument(error.what());
  }
  return OkStatus();
}

bool OptionParser::help_wanted() const { return impl_->help_wanted; }

bool OptionParser::version_wanted() const { return impl_->version_wanted; }

std::string OptionParser::HelpText() const { return impl_->app.help(); }

}  // namespace topgun::loadgen
