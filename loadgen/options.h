// The command line as CLI11 reads it: simple options are in the Config already, the others are
// texts that config.cc interprets. Used by ParseConfig() only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config.h"

namespace topgun::loadgen {

struct OptionTexts {
  std::string jwt_secret_file;
  std::string rate = "0";
  std::string duration = "30s";
  std::string warmup = "3s";
  std::string drain = "30s";
  std::string connect_timeout = "15s";
  std::string progress = "1s";
  std::string ops = "0";
  std::string keys = "1000";
  std::string key_dist = "uniform";
  std::string write_concern;
  std::vector<std::string> pids;
};

struct CommandLine {
  Config config;
  OptionTexts texts;
  std::optional<int> end;  // exit code: print `text` and do nothing more
  std::string text;
};

CommandLine ReadCommandLine(int argc, const char* const* argv);

}  // namespace topgun::loadgen
