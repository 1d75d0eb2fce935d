// Loads maps of one shard from Postgres into Redis, merging with what Redis has
// (docs/state-layout.md, "hydrate").
//
// Callers that want the same map share one load. Owned by a Shard, used on its loop; dependencies
// outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "domain/io.h"
#include "domain/probe.h"

namespace topgun::sync {

class Hydrator {
 public:
  Hydrator(uint32_t shard, ShardStore& store, ShardOwner& owner, Probe& probe);

  // OK: the map is loaded. ABORTED: another load took over, or the shard closed; ask again.
  void Load(const std::string& map_id, StatusCallback callback);
  // One after the other; ends with the first that fails.
  void LoadAll(std::vector<std::string> map_ids, StatusCallback done);

 private:
  struct Job {
    std::string map_id;
    std::string token;
    std::vector<StatusCallback> waiters;
    Status failure;  // of a chunk: the load must not be finished
  };
  using JobPtr = std::shared_ptr<Job>;

  void Begin(const JobPtr& job);
  void MergeChunk(const JobPtr& job, std::vector<LoadedCell> cells, ShardOwner::Next next);
  void WriteChunk(const JobPtr& job, std::vector<HydrateWrite> writes, ShardOwner::Next next);
  void Finish(const JobPtr& job, const Status& status);
  void Complete(const JobPtr& job, const Status& status);

  uint32_t shard_;
  ShardStore& store_;
  ShardOwner& owner_;
  Probe& probe_;
  std::map<std::string, JobPtr> jobs_;
};

}  // namespace topgun::sync
