// topgunctl: see docs/topgunctl.md.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "command_line.h"
#include "logging/logging.h"
#include "session.h"

int main(int argc, char** argv) {
  topgun::ctl::Command command =
      topgun::ctl::ReadCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!command.run) {
    std::fputs(command.text.c_str(), command.exit_code == 0 ? stdout : stderr);
    return command.exit_code;
  }
  // What gRPC warns of becomes a message of ours.
  topgun::logging::Init("topgunctl", topgun::logging::Level::kError);
  try {
    return command.run(topgun::ctl::Session(std::move(command.session)));
  } catch (const std::exception& error) {
    // JSON of another shape than this version knows.
    std::fprintf(stderr, "topgunctl: an answer was not understood: %s\n", error.what());
    return topgun::ctl::kUnreachable;
  }
}
