#include "stack_report.h"

#include <vector>

#include "profiling/symbolizer.h"
#include "profiling/thread_stacks.h"

namespace topgun::debug {

StatusOr<std::string> StackReport() {
  ASSIGN_OR_RETURN(const std::vector<profiling::ThreadStack> threads,
                   profiling::ReadThreadStacks());
  profiling::Symbolizer symbolizer;
  std::string report;
  for (const profiling::ThreadStack& thread : threads) {
    report += thread.name + " (" + std::to_string(thread.thread) + ")\n";
    if (thread.addresses.empty()) report += "    did not answer\n";
    for (const uint64_t address : thread.addresses) {
      for (const profiling::Frame& frame : symbolizer.Resolve(address)) {
        report += "    " + frame.function;
        if (!frame.file.empty()) {
          report += "  (" + frame.file + ":" + std::to_string(frame.line) + ")";
        }
        report += "\n";
      }
    }
    report += "\n";
  }
  return report;
}

}  // namespace topgun::debug
