// What the process tells its caller. When several apply the first of the list order below wins:
// a failed verification is worse than anything else that a finished run can report.
#pragma once

namespace topgun::loadgen {

enum ExitCode : int {
  kExitOk = 0,
  kExitErrors = 1,  // refused operations, errors other than 429, operations never acknowledged
  kExitVerification = 2,  // something acknowledged is missing, or that could not be checked
  kExitUsage = 3,
  kExitUnreachable = 4,
  kExitBottleneck = 5,  // the generator could not keep its own schedule; the numbers are void
};

}  // namespace topgun::loadgen
