// Merkle sync of one loop's connections (core.md 7.5, 7.6), and the roots that heal them.
//
// A client asks for all buckets of a level at once, and many clients sync the same map after a
// restart: per map and kind one tree read is on its way, and whatever was asked meanwhile, by
// whichever connection, forms the next one. The first read waits until the burst has been taken
// from the socket, one frame per turn of the loop. Requests of a connection wait for its own
// earlier writes and pushes.
//
// What is committed after a client has walked a map and before the snapshot of its live query comes
// to it as rows only, not as records. So whoever asked for a root first is sent another one then.
//
// Whoever has synced a map, or subscribes it, is sent the map's root after changes were missed: the
// client walks only what differs. Heals of one burst of gaps are joined.
//
// Limits: paths per read, requests waiting per connection (then its socket is not read), maps
// remembered per connection, heals begun per tick. Owned by the loop; one thread. Connections call
// Forget() before they go.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "dispatch/sync_answers.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

class Connection;

struct MapSyncOptions {
  std::string node_id = "gateway";  // of server timestamps, [a-z0-9-]
  size_t requests_max = 4'096;      // waiting per connection
  size_t maps_max = 1'000;          // remembered per connection
  size_t heals_per_tick = 32;
  std::chrono::milliseconds heal_delay{100};
  // By how much the clocks of the cluster's machines may differ.
  int64_t clock_skew_ms = 5'000;
  // For so long after its init a client may be walking the tree.
  int64_t walk_ms = 600'000;
};

class MapSync {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `defer` runs a task in a later turn of the loop.
  MapSync(MapSyncOptions options, TreeReader& reader, const WallClock& clock, Defer defer,
          Probe& probe)
      : options_(std::move(options)),
        reader_(reader),
        clock_(clock),
        defer_(std::move(defer)),
        probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  void OnSyncInit(Connection& connection, const wire::SyncInitFrame& frame);
  void OnOrMapSyncInit(Connection& connection, const wire::OrMapSyncInitFrame& frame);
  void OnBucketRequest(Connection& connection, state::CellKind kind,
                       const wire::MerkleReqBucketFrame& frame);
  void OnDiffRequest(Connection& connection, const wire::OrMapDiffRequestFrame& frame);
  void Forget(Connection& connection);
  // The policies may have changed: who may read a map again is sent its root soon.
  void Recheck();

  // Sends the client the map's root without being asked, after its own writes and pushes.
  void OfferRoot(Connection& connection, state::CellKind kind, const std::string& map);
  // From now on the connection receives the changes of the map.
  void OnLive(Connection& connection, const std::string& map);
  // Changes were missed: all maps that anybody has synced or subscribes are healed soon.
  void Heal();
  void Tick(Time now);

 private:
  using MapKey = std::pair<state::CellKind, std::string>;

  struct Request {
    enum class Type : uint8_t { kRoot, kBucket, kDiff, kHeal };
    Type type = Type::kRoot;
    ConnectionId connection;  // not for kHeal
    int64_t received_ms = 0;  // everything committed before is in the answer
    int64_t last_sync_ms = 0;
    std::string path;
    std::vector<std::string> keys;  // kDiff
    Tracer::QuestionPtr question = {};
  };
  // What the latest init of a client said.
  struct Following {
    DigitMask reported = 0;  // digits of its ORMAP_SYNC_INIT
    int64_t last_sync_ms = 0;
    int64_t since_ms = 0;
    bool readable = true;  // else it gets nothing
  };
  struct Topic {
    std::map<Connection*, Following> followers;
    std::deque<Request> waiting;
    bool reading = false;
    bool gathering = false;  // a read will start when the burst is over
  };
  struct Follower {
    std::set<MapKey> maps;
    size_t requests = 0;
  };

  void OnInit(Connection& connection, MapKey key, DigitMask reported,
              std::optional<int64_t> last_sync_ms);
  bool ValidName(Connection& connection, std::string_view map);
  // Both answer with an ERROR when not. Whoever may not read yet follows the map all the same.
  bool MayRead(Connection& connection, std::string_view map);
  bool Follow(Connection& connection, const MapKey& key, Following following);
  void Enqueue(Connection& connection, MapKey key, Request request);
  // Starts a read once a turn of the loop has brought no further request.
  void StartSoon(const MapKey& key, Topic& topic);
  void AwaitBurst(const MapKey& key, size_t seen);
  void StartRead(const MapKey& key, Topic& topic);
  void OnAnswer(const MapKey& key, const std::vector<Request>& requests,
                const std::vector<std::string>& paths,
                const StatusOr<std::shared_ptr<const TreeAnswer>>& answer);
  void Answer(const MapKey& key, Topic& topic, const Request& request,
              const std::vector<const TreeAnswer::Node*>& nodes, int64_t horizon_ms);
  void AnswerRoot(Connection& connection, const MapKey& key, const Request& request, uint32_t hash,
                  int64_t horizon_ms);
  void AnswerBucket(Connection& connection, const MapKey& key, Topic& topic, const Request& request,
                    const TreeAnswer::Node& node, int64_t horizon_ms);
  // Whether a removal since then may have been pruned.
  bool TooOld(int64_t last_sync_ms, int64_t horizon_ms) const;
  void SendRoot(Connection& connection, const MapKey& key, uint32_t hash, int64_t at_ms,
                bool full_resync);
  void SendHeals(const MapKey& key, const Topic& topic, uint32_t hash, int64_t at_ms);
  void Answered(ConnectionId id);
  void DropIfIdle(const MapKey& key);
  void StartHeals();

  const MapSyncOptions options_;
  TreeReader& reader_;
  const WallClock& clock_;
  const Defer defer_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::map<MapKey, Topic> topics_;
  std::map<Connection*, Follower> followers_;
  bool heal_wanted_ = false;
  Time heal_at_;
  std::deque<MapKey> to_heal_;
};

}  // namespace topgun::gateway
