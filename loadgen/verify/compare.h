// Compares what was read back with the ledger. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "verify/ledger.h"
#include "verify/sighting.h"
#include "workload/value_maker.h"

namespace topgun::loadgen {

struct VerifyReport {
  uint64_t acked_ops = 0;
  uint64_t keys_checked = 0;       // LWW keys with an acknowledged write
  uint64_t tags_checked = 0;       // OR tags with an acknowledged operation
  uint64_t missing = 0;            // acknowledged, and not there
  uint64_t stale = 0;              // something older (or foreign) is there instead
  uint64_t resurrected = 0;        // acknowledged as removed, and there
  uint64_t live_rows_checked = 0;  // of all live queries together
  std::string lww_proof;           // how LWW maps were read; empty: there were none
  std::string or_proof;
  std::string live_proof;
  std::string incomplete;             // why something could not be checked; empty: all was
  std::vector<std::string> examples;  // the first few findings in words

  uint64_t findings() const { return missing + stale + resurrected; }
  bool passed() const { return findings() == 0 && incomplete.empty(); }
};

// The visible rows of a map, by key number; a value without our stamp is a foreign one.
using LwwRows = std::unordered_map<uint64_t, std::optional<ValueStamp>>;

// What a subscriber's live queries show, by map.
using LiveRows = std::vector<LwwRows>;

// Every key must show the newest acknowledged write, or a newer one whose fate is unknown.
void CompareLwwMap(const Ledger& ledger, uint32_t map, const LwwRows& rows, VerifyReport* report);

// The same for all maps of a subscriber, counted as live rows.
void CompareLiveRows(const Ledger& ledger, const LiveRows& rows, VerifyReport* report);

enum class SightingKind : uint8_t {
  kState,   // the live tags of all OR maps at the end
  kEvents,  // every addition and removal that was told to a subscriber
};

void CompareOrMaps(const Ledger& ledger, const Sightings& sightings, SightingKind kind,
                   VerifyReport* report);

}  // namespace topgun::loadgen
