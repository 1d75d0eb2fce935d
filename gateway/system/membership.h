// This gateway's part in the cluster of gateways that clients choose between (core.md 8.5).
//
// Every gateway renews its row of state::kNodeMap once per beat. A row that does not change for a
// while makes its gateway suspect, then dead: whoever finds that first writes it into the row, so
// that the map follows from the rows alone and is the same everywhere. How long a row has been
// silent is measured with the reader's own clock, and only while the reader hears itself, so that
// a gateway that is cut off or was stopped condemns nobody; before the verdict the row is read
// afresh. A gateway that was condemned while it lived, or may have been, joins again.
//
// Every loop has one and so knows all members; only the one that `speaks` writes. Without
// membership the gateway is the only member. Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "dispatch/cluster_map.h"
#include "dispatch/cluster_view.h"
#include "dispatch/io.h"
#include "probe.h"
#include "system/map_mirror.h"
#include "system/system_store.h"

namespace topgun::gateway {

struct MembershipOptions {
  bool enabled = false;
  bool speaks = false;
  std::chrono::milliseconds beat{1'000};
  std::chrono::milliseconds suspect_after{3'000};
  std::chrono::milliseconds dead_after{5'000};
  std::function<NodeReport()> report = {};  // of the whole process; the times are filled in
};

enum class NodeHealth : uint8_t { kHealthy, kSuspect, kDead };

struct Member {
  NodeRow row;
  NodeHealth health = NodeHealth::kHealthy;
};

class Membership {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Rows of gateways that have gone expire after this time.
  static constexpr double kGoneTtlMs = 3'600'000;

  Membership(MembershipOptions options, ClusterView& view, MapMirror& nodes, SystemStore& store,
             CellReader& cells, const WallClock& clock, Probe& probe);

  // Before the mirror starts.
  void Start();
  void Tick(Time now);

  // Tells the others, once; no more signs of life follow until Return().
  void Leave();
  // Joins again.
  void Return();
  // Nothing is left to be told.
  bool left() const { return left_; }

  // Live and dead ones, ascending by id; those that left in order are no members any more.
  std::vector<Member> Members() const;

 private:
  struct Peer {
    std::string value;  // as read
    NodeRow row;
    std::chrono::milliseconds silence{0};
    bool asked = false;      // the row is being read afresh
    std::string fresh = {};  // what that brought, while the mirror lags
  };
  using Peers = std::map<std::string, Peer, std::less<>>;

  void OnRows();
  void Measure(Time now);
  void Judge();
  void Ask(const std::string& id, Peer& peer);
  void OnAnswer(const std::string& id, const std::string& asked_value,
                const StatusOr<std::vector<std::string>>& cells);
  void Condemn(const std::string& id, Peer& peer);
  void Beat(Time now);
  void OnBeaten(const Status& status);
  void Depart();

  NodeRow OwnRow() const;
  const Peer* Own() const;
  bool Superseded() const;
  bool HearsItself() const;
  NodeHealth HealthOf(const Peer& peer) const;
  int64_t NextVersion() const;

  const MembershipOptions options_;
  ClusterView& view_;
  MapMirror& nodes_;
  SystemStore& store_;
  CellReader& cells_;
  const WallClock& clock_;
  const int64_t started_ms_;
  Probe& probe_;

  Peers peers_;
  int64_t latest_ms_ = 0;  // of all joins and departures
  int64_t joined_ms_ = 0;  // 0: not yet
  Time last_tick_;
  Time next_beat_;
  Time beat_since_;
  bool beating_ = false;     // a row of ours is being written
  bool rejoin_ = false;      // the others may have taken us for dead
  bool superseded_ = false;  // and said so
  bool leaving_ = false;
  bool left_ = false;
};

}  // namespace topgun::gateway
