// What is written: maps, keys, kinds of operations, values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "workload/key_picker.h"
#include "workload/key_space.h"
#include "workload/value_maker.h"

namespace topgun::loadgen {

class OptionParser;

struct DataConfig {
  std::string map_prefix = "load";
  uint32_t maps = 10;
  MapType map_type = MapType::kLww;
  uint64_t keys = 1000;  // per map; 0: every key new
  KeyDistribution key_distribution = KeyDistribution::kUniform;
  double zipf_theta = 0.99;
  double remove_ratio = 0;
  uint32_t value_bytes = 200;
  ValueKind value_kind = ValueKind::kJson;
  uint64_t seed = 1;
};

void RegisterDataOptions(OptionParser& parser, DataConfig& data);
Status FinishData(DataConfig& data);

}  // namespace topgun::loadgen
