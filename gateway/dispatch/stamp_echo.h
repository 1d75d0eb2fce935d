// Tells writers what became of LWW writes that the cluster stamped anew: clocks too far ahead, and
// equal timestamps with different values (architecture section 4, "re-stamping").
//
// The writer's own record carries the old stamp, which may hide everybody's later writes for ever.
// Live queries echo the change to it, but a writer without one, or whose subscription came after
// the commit, or that lost an ack and sent the op again, would never hear. So for every such op the
// cell is read, and its record goes to the writer as a SERVER_EVENT. When the cell holds another
// value by now, an event with the writer's value and an older stamp goes first: a client adopts a
// record that is not newer only if its value equals its own (core.md 4.1, echo adoption).
//
// A newer change may have reached the client before that, and lost against the old stamp. So the
// cell is read once more afterwards, and sent again if it has changed: what is committed after this
// second read is also told after it.
//
// One read is on its way, for all ops of one map that wait; failed reads are tried again. Limit:
// kWaitingMax ops; a connection whose op finds no room is closed, so that it starts over. Owned by
// the loop; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "state/cell.h"

namespace topgun::gateway {

class Connection;

class StampEcho {
 public:
  static constexpr size_t kWaitingMax = 16'384;
  static constexpr size_t kKeysPerRead = 1'000;

  StampEcho(CellReader& cells, Defer defer, Probe& probe)
      : cells_(cells), defer_(std::move(defer)), probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  void OnRestamped(ConnectionId id, const RestampedOp& op);
  void Tick() { StartRead(); }

  size_t waiting() const { return waiting_.size() + reading_.size(); }

 private:
  struct Waiting {
    ConnectionId connection;
    std::string map;
    std::string key;
    std::string value;                    // that the client wrote; empty: a removal
    std::optional<crdt::Timestamp> told;  // once the client knows one that does not hide others
  };

  void StartRead();
  void OnCells(const StatusOr<std::vector<std::string>>& cells);
  void Answer(Connection& connection, Waiting op, std::string_view cell);
  void TellOlder(Connection& connection, const Waiting& op, const state::CellView& cell);
  void Send(Connection& connection, const Waiting& op, const wire::LwwRecordView& record);

  CellReader& cells_;
  const Defer defer_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::deque<Waiting> waiting_;
  std::vector<Waiting> reading_;  // of one map
  bool start_deferred_ = false;
};

}  // namespace topgun::gateway
