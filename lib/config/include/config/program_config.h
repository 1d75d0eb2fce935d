// The settings of a program as one value: read by main, and read again into another value by a
// running process.
//
//   constexpr config::Program<Config> kProgram = {
//       "topgun-sync", "Merges map changes over Redis.", AddSettings, NameDefaults};
//   config::ParseResult ParseConfig(int argc, const char* const* argv, Config& config) {
//     return config::Read(kProgram, argc, argv, config);
//   }
//
// `Config` has a member `ParseResult parsed`. Pure but for what Settings prints; any thread.
#pragma once

#include "config/settings.h"

namespace topgun::config {

template <typename Config>
struct Program {
  const char* name;
  const char* description;
  void (*add_settings)(Settings& settings, Config& config);
  // Sets what follows from the settings, also from invalid ones.
  void (*complete)(Config& config);
};

// Sets `config` from flags, variables and files, as Settings::Parse() does.
template <typename Config>
ParseResult Read(const Program<Config>& program, int argc, const char* const* argv,
                 Config& config) {
  Settings settings(program.name, program.description);
  program.add_settings(settings, config);
  config.parsed = settings.Parse(argc, argv);
  program.complete(config);
  return config.parsed;
}

// What Read() would give now. Prints nothing.
template <typename Config>
Config ReadAgain(const Program<Config>& program, const Config& running) {
  Config config;
  Settings settings(program.name, program.description);
  program.add_settings(settings, config);
  config.parsed = settings.ParseAgain(running.parsed.arguments);
  program.complete(config);
  return config;
}

}  // namespace topgun::config
