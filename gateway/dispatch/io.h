// Everything the dispatch layer needs from the cluster behind the gateway: writes, snapshots and
// changes. backend/ implements these over gRPC, tests over nothing.
//
// All calls and callbacks of one loop happen on its thread; no callback comes from inside the call
// that causes it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "state/keys.h"
#include "state/position.h"
#include "wire/op.h"
#include "wire/server_frame.h"

namespace topgun::gateway {

// Runs a task in a later turn of the loop.
using Defer = std::function<void(std::function<void()>)>;

// Names a connection of this loop for as long as the process lives.
struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// One op of a connection: its number in the connection's ack ledger.
struct OpRef {
  ConnectionId connection;
  uint64_t op = 0;
};

enum class OpOutcome : uint8_t {
  kApplied,     // the state covers it
  kRejected,    // refused for good
  kOverloaded,  // given up; the client has to send it again
};

class WriteObserver {
 public:
  virtual ~WriteObserver() = default;

  virtual void OnOpDone(const OpRef& ref, OpOutcome outcome) = 0;
  // An op reported as applied was lost with its shard's tail and is on its way again; its outcome
  // follows once more.
  virtual void OnOpReopened(const OpRef& ref) = 0;
  // True while the ack that covers the op has not left. Until then its bytes are kept, because a
  // shard that lost its tail gets them again.
  virtual bool AwaitsAck(const OpRef& ref) const = 0;
};

enum class SinkHealth : uint8_t {
  kHealthy,     // yes
  kSuspect,     // the last parts were refused, but a while ago: one client may try
  kOverloaded,  // no
};

class WriteSink {
 public:
  virtual ~WriteSink() = default;

  // Copies the op; the observer hears exactly once about it. `origin` names the connection in the
  // change that results.
  virtual void Submit(const wire::Op& op, std::string_view origin, const OpRef& ref) = 0;
  // The memory for ops is used up: frames with writes are to be refused.
  virtual bool Overloaded() const = 0;
  // Whether clients whose writes were refused may send them again.
  virtual SinkHealth Health() const = 0;
};

// Rows of a map and the position in every shard that they include.
struct MapSnapshot {
  std::deque<std::string> bytes;  // what the rows point into
  std::vector<wire::QueryRow> rows;
  std::vector<state::Position> positions;
  bool has_more = false;
};

class MapReader {
 public:
  using Done = std::function<void(StatusOr<std::shared_ptr<const MapSnapshot>>)>;

  virtual ~MapReader() = default;

  // Retries inside; fails with UNAVAILABLE after a limit.
  virtual void Read(const std::string& map, Done done) = 0;
};

// One change of a cell; the views are valid during the callback.
struct Change {
  std::string_view map = {};
  std::string_view origin = {};
  state::CellKind kind = state::CellKind::kLww;
  bool was_live = false;
  bool tell_origin = false;
  std::string_view key = {};
  std::string_view tag = {};
  std::string_view cell = {};
  uint32_t shard = 0;
  state::Position position = {};
};

class ChangeObserver {
 public:
  virtual ~ChangeObserver() = default;

  virtual void OnChange(const Change& change) = 0;
  // Changes were missed; everything derived from the shard must be read again. OnProgress()
  // follows.
  virtual void OnGap(uint32_t shard) = 0;
  // The end of a message: shards have progressed, so interest may have been confirmed.
  virtual void OnProgress() = 0;
};

class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  // Returns the number of this change of interest. Idempotent per map.
  virtual uint64_t AddInterest(const std::string& map) = 0;
  virtual void RemoveInterest(const std::string& map) = 0;
  // True when every shard reports changes of the maps added up to that number.
  virtual bool Confirmed(uint64_t interest_id) const = 0;
};

}  // namespace topgun::gateway
