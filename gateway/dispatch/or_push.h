// ORMAP_PUSH_DIFF: a client's OR records and tombstones after it has walked a bucket (core.md 7.6).
//
// Nobody answers the frame; what it brings is merged like any write, so only news is broadcast. The
// client lists the tombstones of its whole map under every key and with every bucket: they are
// taken once each (TagRemoval) while the connection's pushes are on their way.
//
// Reads of the connection wait for its pushes. When something had to be given up, the client is
// sent the map's root a little later, so that it compares and pushes again.
//
// Limits: pushes on their way per connection, then its socket is not read; heals that wait, then
// the connection is closed, which heals it too. Owned by the loop; one thread. Connections call
// Forget() before they go.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "dispatch/tag_removal.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

class Connection;

class OrPush {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr size_t kPushesMax = 64;        // per connection
  static constexpr size_t kSeenTagsMax = 65'536;  // remembered per connection
  static constexpr size_t kHealsMax = 4'096;
  static constexpr std::chrono::seconds kHealDelay{5};

  explicit OrPush(TreeReader& reader, Probe& probe, TagRemovalOptions options = {})
      : probe_(probe), removal_(options, reader, probe) {}
  void Bind(LoopContext& context);

  void OnPush(Connection& connection, const wire::OrMapPushDiffFrame& frame);
  // Runs when the connection's pushes so far are merged; at once when there are none.
  void AfterPushes(Connection& connection, std::function<void()> run);
  void Forget(Connection& connection) { waiting_.erase(&connection); }
  void Tick(Time now);

 private:
  struct Waiting {
    size_t pushes = 0;
    std::vector<std::function<void()>> after;
    absl::flat_hash_set<size_t> seen_tags;  // hashes of map and tag
  };
  struct Heal {
    Time not_before;
    ConnectionId connection;
    std::string map;
  };

  // A push that is traced, until all that it brought is merged.
  struct Push {
    Tracer::QuestionPtr question;
    size_t open = 1;  // pieces on their way, and the frame while it is read
    Status status;
  };
  using PushPtr = std::shared_ptr<Push>;  // null: not traced

  bool Accepted(Connection& connection, const wire::OrMapPushDiffFrame& frame);
  bool MayWrite(const Connection& connection, std::string_view map, std::string_view value) const;
  // False when some may not be written.
  bool WriteRecords(Connection& connection, const wire::OrMapPushDiffFrame& frame,
                    const PushPtr& push);
  void RemoveTags(Connection& connection, const wire::OrMapPushDiffFrame& frame,
                  const PushPtr& push);
  Waiting& Begin(Connection& connection, const PushPtr& push);
  void End(ConnectionId id, const PushPtr& push);
  static PushPtr Trace(Connection& connection, std::string_view map);
  void PieceEnded(const PushPtr& push);
  void GiveUp(ConnectionId id, const std::string& map, const PushPtr& push);

  Probe& probe_;
  TagRemoval removal_;
  LoopContext* context_ = nullptr;
  std::map<Connection*, Waiting> waiting_;
  std::deque<Heal> heals_;  // oldest first
};

}  // namespace topgun::gateway
