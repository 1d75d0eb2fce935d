// A reserved map of the cluster, kept whole in the memory of a loop: policies, nodes, indexes.
//
// Works like a live query: interest first, then a snapshot, then the changes beyond it; after a gap
// it is read again. Rows are what is live: values in MessagePack. A row whose TTL passes stays
// until it is written or read again.
//
// Limits: the 10 000 rows of a snapshot (`truncated()` beyond), and changes kept during a read
// (beyond them it is read again). Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class MapMirror {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Rows = std::map<std::string, std::string, std::less<>>;  // key to value

  static constexpr size_t kKeptMax = 10'000;
  static constexpr std::chrono::milliseconds kReadRetry{500};

  MapMirror(std::string map, ChangeSource& source, MapReader& reader, const WallClock& clock)
      : map_(std::move(map)), source_(source), reader_(reader), clock_(clock) {}

  // Calls back into the mirror come only after this.
  void Start();
  // Runs after the rows have changed, and after the first read.
  void Observe(std::function<void()> changed) { observers_.push_back(std::move(changed)); }

  const std::string& map() const { return map_; }
  const Rows& rows() const { return rows_; }
  // The rows have been read at least once.
  bool loaded() const { return loaded_; }
  // Loaded, and nothing is known to be missing.
  bool current() const { return loaded_ && !wants_read_ && !reading_; }
  // The map has more rows than fit.
  bool truncated() const { return truncated_; }
  // Grows with every change of the rows.
  uint64_t version() const { return version_; }

  void OnChange(const Change& change);
  void OnGap();
  void OnProgress() { StartRead(); }
  void Tick(Time now);

 private:
  struct Kept {
    uint32_t shard = 0;
    state::Position position;
    std::string key;
    std::string cell;
  };

  void StartRead();
  void OnSnapshot(const StatusOr<std::shared_ptr<const MapSnapshot>>& snapshot);
  void Apply(std::string_view key, std::string_view cell);
  void Changed();

  const std::string map_;
  ChangeSource& source_;
  MapReader& reader_;
  const WallClock& clock_;
  std::vector<std::function<void()>> observers_;
  Rows rows_;
  uint64_t version_ = 0;
  uint64_t interest_ = 0;
  bool started_ = false;
  bool loaded_ = false;
  bool truncated_ = false;
  bool wants_read_ = false;
  bool reading_ = false;
  bool stale_ = false;      // the read on its way will not do
  std::vector<Kept> kept_;  // what arrived during the read
  Time now_;
  Time read_not_before_;
};

}  // namespace topgun::gateway
