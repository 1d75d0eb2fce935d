// ORMAP_PUSH_DIFF: a client's OR records and tombstones after it has walked a bucket (core.md 7.6).
//
// Nobody answers the frame; what it brings is merged like any write, so only news is broadcast. The
// client lists the tombstones of its whole map under every key: they are taken once each, and where
// a tag lives is asked of the cluster. A tag that nobody knows is kept under the key it was sent
// with, and removes the record once that has come and the tag is pushed again.
//
// Reads of the connection wait for its pushes. Limit: pushes on their way per connection, then its
// socket is not read. Owned by the loop; one thread. Connections call Forget() before they go.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

class Connection;

class OrPush {
 public:
  static constexpr size_t kPushesMax = 64;  // per connection

  explicit OrPush(TreeReader& reader, Probe& probe) : reader_(reader), probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  void OnPush(Connection& connection, const wire::OrMapPushDiffFrame& frame);
  // Runs when the connection's pushes so far are merged; at once when there are none.
  void AfterPushes(Connection& connection, std::function<void()> run);
  void Forget(Connection& connection) { waiting_.erase(&connection); }

 private:
  struct Waiting {
    size_t pushes = 0;
    std::vector<std::function<void()>> after;
  };
  // Of one frame, each tag once.
  struct Tombstones {
    std::vector<std::string> tags;
    std::vector<std::string> keys;  // under which they were sent
  };

  bool MayWrite(Connection& connection, const wire::OrMapPushDiffFrame& frame);
  void WriteRecords(Connection& connection, const wire::OrMapPushDiffFrame& frame,
                    const Tombstones& tombstones);
  void Resolve(Connection& connection, std::string_view map, Tombstones tombstones);
  void WriteTombstones(ConnectionId id, const std::string& origin, const std::string& map,
                       const Tombstones& tombstones, const std::vector<ResolvedTag>& resolved);
  void Begin(Connection& connection);
  void End(ConnectionId id);

  TreeReader& reader_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::map<Connection*, Waiting> waiting_;
};

}  // namespace topgun::gateway
