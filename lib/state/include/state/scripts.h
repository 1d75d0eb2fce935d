// The Lua scripts of docs/state-layout.md, embedded from lib/state/scripts/*.lua at build time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::state {

struct Script {
  std::string_view name;    // for metrics and logs
  std::string_view source;  // Lua
  std::string sha1;         // lowercase hex, for EVALSHA
};

const Script& CommitScript();
const Script& OpenScript();
const Script& HydrateBeginScript();
const Script& HydrateChunkScript();
const Script& HydrateFinishScript();
const Script& LockAcquireScript();
const Script& LockReleaseScript();
const Script& PersistedScript();
const Script& PruneScript();

// First element of the replies of commit and prune.
enum class CommitCode : int64_t {
  kCommitted = 1,
  kConflict = 2,
  kClosed = 3,
  kUnloaded = 4,
  kOverloaded = 5
};

// First element of the replies of lock_acquire.
enum class LockCode : int64_t { kGranted = 1, kHeld = 2, kClosed = 3 };

}  // namespace topgun::state
