// The command line of topgunctl. Only command_line.cc and target_options.cc know CLI11.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "session.h"

namespace topgun::ctl {

struct Command {
  std::function<int(const Session&)> run;  // empty: print `text` and end
  SessionOptions session;
  int exit_code = 0;
  std::string text;  // help, version, or what is wrong
};

// Without the program's name.
Command ReadCommandLine(const std::vector<std::string>& arguments);

}  // namespace topgun::ctl
