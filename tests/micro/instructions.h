// Counts of instructions: the same on every run, whoever else uses the machine, so that a few
// percent more show. callgrind counts (CountInstructions), and its dumps are compared with the
// counts that were recorded in the repository (ReportInstructions).
//
// Another compiler, libc or valgrind counts differently: then nothing is compared, and the report
// says so.
#pragma once

#include <string>
#include <vector>

#include "case.h"

namespace topgun::micro {

// More than this many times the recorded count fails, less is worth recording.
inline constexpr double kTolerance = 0.02;

struct ReportOptions {
  std::string dumps;     // folder with callgrind's dumps
  std::string recorded;  // JSON file
  std::string valgrind;  // version
  bool update = false;   // writes the file
};

// Runs every case; callgrind dumps after each. The exit code of the program.
int CountInstructions(const std::vector<Case>& cases);

// Prints a table and returns 0, or 1 when a count rose.
int ReportInstructions(const std::vector<Case>& cases, const ReportOptions& options);

}  // namespace topgun::micro
