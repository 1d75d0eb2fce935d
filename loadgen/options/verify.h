// What is checked after a run.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "options/data.h"

namespace topgun::loadgen {

class OptionParser;

enum class Verify : uint8_t { kNone, kAcks };

struct VerifyConfig {
  Verify mode = Verify::kNone;
  uint64_t inject_loss = 0;
};

void RegisterVerifyOptions(OptionParser& parser, VerifyConfig& verify);
// Whether what is written can be checked so.
Status CheckVerify(const VerifyConfig& verify, const DataConfig& data);

}  // namespace topgun::loadgen
