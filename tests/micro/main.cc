// bench_micro: the cases as benchmarks, or, under callgrind, as counts of instructions.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "case.h"
#include "instructions.h"

namespace topgun::micro {
namespace {

constexpr const char* kUsage =
    "usage: bench_micro [--list] [--filter RE] [Google Benchmark flags]\n"
    "       valgrind --tool=callgrind --instr-atstart=no bench_micro --count [--filter RE]\n"
    "       bench_micro --report DIR --recorded FILE --valgrind VERSION [--update] [--filter RE]\n"
    "\n"
    "Times the cases; or counts their instructions, one dump per case; or compares the dumps in "
    "DIR\n"
    "with what is recorded in FILE.\n";

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  AddCodecCases(cases);
  AddCrdtCases(cases);
  AddMerkleCases(cases);
  AddPolicyCases(cases);
  AddRedisCases(cases);
  AddStateCases(cases);
  AddGatewayCases(cases);
  AddSyncCases(cases);
  AddScanCases(cases);
  AddStorageCases(cases);
  return cases;
}

struct Arguments {
  bool list = false;
  bool count = false;
  std::string filter;
  ReportOptions report;
  std::vector<char*> rest;  // for Google Benchmark
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (word == "--list") {
      arguments.list = true;
    } else if (word == "--count") {
      arguments.count = true;
    } else if (word == "--filter") {
      arguments.filter = value();
    } else if (word == "--report") {
      arguments.report.dumps = value();
    } else if (word == "--recorded") {
      arguments.report.recorded = value();
    } else if (word == "--valgrind") {
      arguments.report.valgrind = value();
    } else if (word == "--update") {
      arguments.report.update = true;
    } else {
      arguments.rest.push_back(argv[i]);
    }
  }
  return arguments;
}

void Time(const Case& one, benchmark::State& state) {
  const Case::Call call = one.prepare();
  for ([[maybe_unused]] auto _ : state) call();
  const auto items = static_cast<double>(one.items);
  state.counters["per_item"] = benchmark::Counter(
      items, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

int TimeAll(const std::vector<Case>& cases, std::vector<char*>& arguments) {
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  for (const Case& one : cases) {
    benchmark::RegisterBenchmark(one.name.c_str(),
                                 [&one](benchmark::State& state) { Time(one, state); });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

int Main(int argc, char** argv) {
  Arguments arguments = Parse(argc, argv);
  std::vector<Case> cases = AllCases();
  if (!arguments.filter.empty()) {
    const std::regex wanted(arguments.filter);
    std::erase_if(cases, [&](const Case& one) { return !std::regex_search(one.name, wanted); });
  }
  if (cases.empty()) {
    std::fprintf(stderr, "no case matches '%s'; --list names them\n", arguments.filter.c_str());
    return 2;
  }
  if (arguments.list) {
    for (const Case& one : cases) std::puts(one.name.c_str());
    return 0;
  }
  if (arguments.count) return CountInstructions(cases);
  if (!arguments.report.dumps.empty()) return ReportInstructions(cases, arguments.report);
  return TimeAll(cases, arguments.rest);
}

}  // namespace
}  // namespace topgun::micro

int main(int argc, char** argv) {
  try {
    return topgun::micro::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_micro: %s\n", error.what());
    return 2;
  }
}
