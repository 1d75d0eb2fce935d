// What all connections of a run share. Built before any thread starts, immutable afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/session.h"
#include "config.h"
#include "workload/key_space.h"
#include "workload/op_source.h"
#include "workload/value_maker.h"

namespace topgun::loadgen {

inline constexpr int64_t kNsPerMs = 1'000'000;

inline int64_t NowNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

class RunContext {
 public:
  // `config` must outlive the context.
  explicit RunContext(const Config& config);

  const Config& config() const { return config_; }
  const KeySpace& keys() const { return keys_; }
  const ValueMaker& values() const { return values_; }
  uint32_t run() const { return run_; }

  // Steady time as time since the Unix epoch: values carry their send time in this form, and
  // subtracting two of them must not suffer from the wall clock being set.
  int64_t EpochUs(int64_t now_ns) const { return (now_ns + epoch_offset_ns_) / 1000; }

  OpSource::Spec SourceOf(uint32_t writer) const;
  // Connections take the gateways and the users in turn.
  Session::Options SessionOf(uint32_t connection) const;
  // Past the fault proxy, for what is no part of the load.
  Session::Options DirectSession() const;

 private:
  const Config& config_;
  const KeySpace keys_;
  const ValueMaker values_;
  const int64_t epoch_offset_ns_;
  const uint32_t run_;
  std::shared_ptr<const ZipfTable> zipf_;
  std::vector<std::string> tokens_;
};

}  // namespace topgun::loadgen
