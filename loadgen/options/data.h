// What is written: maps, keys, kinds of operations, values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "workload/key_picker.h"
#include "workload/key_space.h"
#include "workload/op_mix.h"
#include "workload/value_maker.h"
#include "workload/value_size.h"

namespace topgun::loadgen {

class OptionParser;

struct KeyDistributionConfig {
  KeyDistribution kind = KeyDistribution::kUniform;
  double zipf_theta = 0.99;
  double hot_keys = 0.01;   // kHot: this share of the keys
  double hot_share = 0.90;  // gets this share of the operations
};

struct DataConfig {
  std::string map_prefix = "load";
  uint32_t maps = 10;
  MapType map_type = MapType::kLww;  // with a mix: what it needs
  uint64_t keys = 1000;              // per map; 0: every key new
  KeyDistributionConfig key_distribution;
  OpMix mix;  // empty: additions to the maps, and `remove_ratio`
  double remove_ratio = 0;
  uint32_t query_rows = 1;  // of the mix's queries; 0: all
  double ttl_ratio = 0;     // share of the records written with a TTL
  std::chrono::milliseconds ttl{60'000};
  ValueSize value_size;
  ValueKind value_kind = ValueKind::kJson;
  bool preload = false;
  std::chrono::milliseconds clock_skew{0};  // client clocks are off by up to this, either way
  uint64_t seed = 1;

  uint64_t hot_key_count() const;
};

void RegisterDataOptions(OptionParser& parser, DataConfig& data);
Status FinishData(DataConfig& data);

// "uniform", "zipf:0.99", "hot:1%:90%", "seq", "partitioned", and back.
StatusOr<KeyDistributionConfig> ParseKeyDistribution(const std::string& text);
std::string KeyDistributionText(const KeyDistributionConfig& distribution);

}  // namespace topgun::loadgen
