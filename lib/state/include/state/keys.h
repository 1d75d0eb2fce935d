// Redis key names, map ids and hash fields (docs/state-layout.md). Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::state {

enum class CellKind : uint8_t { kLww = 1, kOr = 2, kCounter = 3 };

inline constexpr uint32_t kShardCountMax = 271;

// Maps of the system itself; clients may not name them (core.md 10).
inline constexpr std::string_view kRestampMap = "_topgun_restamps";
// Key: node id of a client. Value: where the clocks of its re-stamped ops lie.
inline constexpr std::string_view kClampMap = "_topgun_clamps";
// Key: map id. Value: state::Horizon. In every shard.
inline constexpr std::string_view kHorizonMap = "_topgun_horizons";
// Tags that were removed before anybody knew their key. In every shard.
inline constexpr std::string_view kDeadTagMap = "_topgun_dead_tags";
inline constexpr std::string_view kPolicyMap = "_topgun_policies";
inline constexpr std::string_view kDeviceMap = "_topgun_devices";
inline constexpr std::string_view kIndexMap = "_topgun_indexes";
inline constexpr std::string_view kNodeMap = "_topgun_nodes";

uint32_t ShardOf(std::string_view key, uint32_t shard_count);

// Kind byte followed by the name.
std::string MapId(CellKind kind, std::string_view map);
struct MapIdView {
  CellKind kind;
  std::string_view map;
};
// False when the kind byte is unknown.
bool ParseMapId(std::string_view map_id, MapIdView* out);

// Field of a cell in its hash: the key for LWW (tag ignored); length-prefixed key, then tag for OR;
// node for counters.
std::string CellField(CellKind kind, std::string_view key, std::string_view tag);
void AppendCellField(std::string& out, CellKind kind, std::string_view key, std::string_view tag);
struct FieldView {
  std::string_view key;
  std::string_view tag;
};
bool ParseCellField(CellKind kind, std::string_view field, FieldView* out);

// CRC16 (XMODEM) mod 16384, the slot of a hash tag in Redis Cluster.
uint32_t SlotOf(std::string_view tag);
std::string ShardTag(uint32_t shard, uint32_t shard_count);

// Names of one shard's keys, built once.
class ShardKeys {
 public:
  ShardKeys(std::string_view prefix, uint32_t shard, uint32_t shard_count);

  const std::string& meta() const { return meta_; }
  const std::string& feed() const { return feed_; }
  const std::string& maps() const { return maps_; }
  const std::string& unloaded() const { return unloaded_; }
  const std::string& loading() const { return loading_; }
  const std::string& sweep() const { return sweep_; }
  const std::string& fence() const { return fence_; }
  const std::string& token() const { return token_; }
  std::string Cells(CellKind kind, std::string_view map) const;
  std::string Lock(std::string_view name) const;

 private:
  std::string base_;
  std::string meta_, feed_, maps_, unloaded_, loading_, sweep_, fence_, token_;
};

// "<prefix>:shards": the shard count the cluster was created with.
std::string ShardCountKey(std::string_view prefix);

}  // namespace topgun::state
