// What the syncs of a merkle scenario cost. Plain data.
#pragma once

#include <cstdint>
#include <string>

#include "stats/histogram.h"

namespace topgun::loadgen {

struct MerkleReport {
  std::string map;
  uint64_t keys = 0;    // that the server has
  uint64_t behind = 0;  // of these a client lacks at the start of each sync

  // The very first sync, by an empty client: the server may have to build its view for it.
  double first_sync_ms = 0;
  bool first_mismatch = false;  // it ended with another root than the server's
  uint64_t keys_missing = 0;    // written, acknowledged, and not in what it received

  uint64_t syncs = 0;       // that ended
  uint64_t unfinished = 0;  // no answer in time, or the connection was lost on the way
  uint64_t mismatches = 0;  // ended with another root than the server's
  Histogram duration;       // ns, from sending the init to having merged the last answer

  // Of all syncs together.
  uint64_t frames_sent = 0;
  uint64_t frames_received = 0;
  uint64_t bytes_sent = 0;  // on the wire, heartbeats included
  uint64_t bytes_received = 0;
  uint64_t records = 0;
  uint32_t round_trips = 0;  // of the sync that needed most

  bool passed() const {
    return syncs > 0 && unfinished == 0 && mismatches == 0 && !first_mismatch && keys_missing == 0;
  }
  double PerSync(uint64_t total) const {
    return syncs == 0 ? 0 : static_cast<double>(total) / static_cast<double>(syncs);
  }
};

}  // namespace topgun::loadgen
