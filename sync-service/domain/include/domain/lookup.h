// Single cells, dead tags and the list of maps of one shard, straight from Redis.
//
// Both wait until the shard is open, so an answer includes everything acknowledged before the call
// and is never empty because Redis is. Called on the shard's loop, which also runs the callbacks.
#pragma once

#include <string>
#include <vector>

#include "domain/io.h"
#include "domain/shard.h"

namespace topgun::sync {

// Encoded LWW cells in the order of the keys; empty where there is none. The map is loaded first if
// it was not. UNAVAILABLE: ask again.
void ReadLwwCells(Shard& shard, const std::string& map, std::vector<std::string> keys,
                  Callback<std::vector<std::string>> callback);

// Which tags of an OR map were declared dead here before anybody knew their key
// (docs/state-layout.md, "dead tags"). UNAVAILABLE: ask again.
void ReadDeadTags(Shard& shard, const std::string& map, std::vector<std::string> tags,
                  Callback<std::vector<bool>> callback);

// Every map that has or had cells in this shard, loaded or not.
void ListMaps(Shard& shard, Callback<std::vector<MapSize>> callback);

}  // namespace topgun::sync
