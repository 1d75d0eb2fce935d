// What is checked after a run.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "options/clients.h"
#include "options/data.h"

namespace topgun::loadgen {

class OptionParser;

enum class Verify : uint8_t {
  kNone,
  kAcks,  // read everything back at the end
  kLive,  // what the subscribers' live queries show at the end
  kFull,  // both
};

struct VerifyConfig {
  Verify mode = Verify::kNone;
  uint64_t inject_loss = 0;

  bool needs_ledger() const { return mode != Verify::kNone; }
  bool reads_back() const { return mode == Verify::kAcks || mode == Verify::kFull; }
  bool watches() const { return mode == Verify::kLive || mode == Verify::kFull; }
};

void RegisterVerifyOptions(OptionParser& parser, VerifyConfig& verify);
// Whether what is written can be checked so.
Status CheckVerify(const VerifyConfig& verify, const DataConfig& data,
                   const ClientsConfig& clients);
const char* Name(Verify mode);

}  // namespace topgun::loadgen
