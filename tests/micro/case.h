// The micro-benchmarks' cases: hot paths without I/O, each as a call that can be repeated.
//
// The same cases are timed (Google Benchmark) and counted (callgrind), so they must do the same
// work on every call: no randomness, no growing state.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace topgun::micro {

struct Case {
  using Call = std::function<void()>;

  std::string name;  // "codec/decode_op_batch"
  size_t items = 1;  // what one call handles; figures are per item
  // Sets everything up, which is not measured, and returns the call.
  std::function<Call()> prepare;
};

// One function per file of cases.
void AddCodecCases(std::vector<Case>& cases);
void AddCrdtCases(std::vector<Case>& cases);
void AddGatewayCases(std::vector<Case>& cases);
void AddMerkleCases(std::vector<Case>& cases);
void AddPolicyCases(std::vector<Case>& cases);
void AddRedisCases(std::vector<Case>& cases);
void AddScanCases(std::vector<Case>& cases);
void AddStateCases(std::vector<Case>& cases);
void AddStorageCases(std::vector<Case>& cases);
void AddSyncCases(std::vector<Case>& cases);

// Keeps the optimiser from dropping what a call computes.
template <typename T>
void Keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

}  // namespace topgun::micro
