#include "options/output.h"

#include <charconv>

#include "options/option_parser.h"

namespace topgun::loadgen {

void RegisterOutputOptions(OptionParser& parser, OutputConfig& output) {
  parser.BeginGroup("Output");
  parser.Text("--json", "FILE", output.json_path, "Write the report as JSON");
  parser.Duration("--progress", output.progress, "Time between progress lines on stderr");
  parser.Flag("--quiet", output.quiet, "No banner and no progress lines");
  parser.Texts("--pids", "NAME=PID,...", output.pids,
               "Processes to account CPU for, as NAME=PID; shown as us per acknowledged op", ',');
}

Status FinishOutput(OutputConfig& output) {
  output.processes.clear();
  for (const std::string& entry : output.pids) {
    if (entry.empty()) continue;
    const size_t equals = entry.find('=');
    int pid = 0;
    const char* const end = entry.data() + entry.size();
    if (equals == std::string::npos ||
        std::from_chars(entry.data() + equals + 1, end, pid).ptr != end || pid <= 0) {
      return InvalidArgument("--pids: expected NAME=PID, got " + entry);
    }
    output.processes.push_back({entry.substr(0, equals), pid});
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
