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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "state/cell.h"
#include "state/counted.h"
#include "state/journal_sequence.h"
#include "state/keys.h"
#include "state/position.h"
#include "tracer.h"
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

// An LWW op whose record carries another timestamp than its client gave it. The views are valid
// during the call.
struct RestampedOp {
  std::string_view map;
  std::string_view key;
  std::string_view value;  // MessagePack; empty for a removal
};

class WriteObserver {
 public:
  virtual ~WriteObserver() = default;

  virtual void OnOpDone(const OpRef& ref, OpOutcome outcome) = 0;
  // An op that was submitted with another concern than APPLIED has come as far as it asked for, or
  // as far as the cluster can bring it: to this level. For MEMORY it may come before OnOpDone(),
  // for higher ones after it.
  virtual void OnConcernMet(const OpRef& ref, wire::WriteConcern level) = 0;
  // An op reported as applied was lost with its shard's tail and is on its way again; its outcome
  // follows once more.
  virtual void OnOpReopened(const OpRef& ref) = 0;
  // After OnOpDone(): the writer must learn the new timestamp.
  virtual void OnRestamped(const OpRef& ref, const RestampedOp& op) = 0;
  // True while the ack that covers the op has not left. Until then its bytes are kept, because a
  // shard that lost its tail gets them again.
  virtual bool AwaitsAck(const OpRef& ref) const = 0;
};

// What a node has counted of a PN counter (features.md 4).
struct CountedNode {
  std::string node;
  state::Counted counted;
};

enum class SinkHealth : uint8_t {
  kHealthy,     // yes
  kSuspect,     // the last parts were refused, but a while ago: one client may try
  kOverloaded,  // no
};

class WriteSink {
 public:
  virtual ~WriteSink() = default;

  // Copies the op; the observer hears exactly once of its outcome. `origin` names the connection in
  // the change that results. Ops of the concerns below APPLIED are acknowledged early, so they are
  // not given up while the process lives, only when a sync service refuses them for good.
  virtual void Submit(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
                      const OpRef& ref) = 0;
  // One shard's share of declaring a tag of an OR map dead (docs/state-layout.md, "dead tags"): it
  // takes effect once every shard has its share. Answered like an op.
  virtual void SubmitDeadTag(uint32_t shard, std::string_view map, std::string_view tag,
                             const OpRef& ref) = 0;
  // Follows the parts that hold ops of the connection from `first` on, as far as they are not sent,
  // for the frame that the ops came with.
  virtual void Follow(const OpRef& /*first*/, Tracer::Frame& /*frame*/) {}
  // What a node has counted of a PN counter, in the shard of the counter's name. Answered like an
  // op.
  virtual void SubmitCounted(std::string_view counter, const CountedNode& counted,
                             const OpRef& ref) = 0;
  virtual uint32_t shard_count() const = 0;
  // The memory for ops is used up: frames with writes are to be refused.
  virtual bool Overloaded() const = 0;
  // Whether clients whose writes were refused may send them again.
  virtual SinkHealth Health() const = 0;
};

// Rows of a map and the position in every shard that they include.
struct MapSnapshot {
  struct Expiry {
    size_t row = 0;
    double expires_ms = 0;  // wall clock after which TTL hides the row
  };

  std::deque<std::string> bytes;  // what the rows point into
  std::vector<wire::QueryRow> rows;
  std::vector<Expiry> expiries;  // of the rows that have one, ascending by row
  std::vector<state::Position> positions;
  bool has_more = false;
};

// Which rows of a map, in which order (lib/query): the parts of a client's query, MessagePack as it
// came; empty where absent.
struct MapQuery {
  std::string_view where = {};
  std::string_view predicate = {};
  std::string_view sort = {};
  std::string_view group_by = {};
  std::string_view aggregations = {};
  std::optional<std::string_view> after = {};  // only rows of a greater rank
};

class MapReader {
 public:
  using Done = std::function<void(StatusOr<std::shared_ptr<const MapSnapshot>>)>;

  virtual ~MapReader() = default;

  // Retries inside; fails with UNAVAILABLE after a limit.
  virtual void Read(const std::string& map, Done done) = 0;
  // The first rows of a query, whole records, or its groups; copies what it is given. Fails at once
  // with INVALID_ARGUMENT when the cluster does not understand the query.
  virtual void ReadQuery(const std::string& map, const MapQuery& query, uint32_t rows_max,
                         Done done) = 0;
};

// Single LWW cells, after everything acknowledged before the call.
class CellReader {
 public:
  // Encoded cells (state/cell.h) in the order of the keys; empty where there is none.
  using Done = std::function<void(StatusOr<std::vector<std::string>>)>;

  virtual ~CellReader() = default;

  // Retries inside; fails after a limit.
  virtual void ReadCells(const std::string& map, const std::vector<std::string>& keys,
                         Done done) = 0;
};

// The state of a PN counter, after everything acknowledged before the call.
class CounterReader {
 public:
  // MessagePack; crdt::PnCounter decodes it.
  using Done = std::function<void(StatusOr<std::string>)>;

  virtual ~CounterReader() = default;

  // Retries inside; fails after a limit.
  virtual void ReadCounter(const std::string& name, Done done) = 0;
};

struct MapInfo {
  std::string map;
  state::CellKind kind = state::CellKind::kLww;
  uint64_t cells = 0;  // removed and expired ones are among them
};

// Every map of the cluster, reserved ones included.
class MapLister {
 public:
  using Done = std::function<void(StatusOr<std::vector<MapInfo>>)>;

  virtual ~MapLister() = default;

  // Retries inside; fails after a limit.
  virtual void ListMaps(Done done) = 0;
};

// What is asked of a map's Merkle tree (core.md 7.2).
struct TreeRequest {
  state::CellKind kind = state::CellKind::kLww;
  std::string map;
  std::vector<std::string> paths;  // at most kPathsMax
  bool cells = false;              // of every path the cells below it, not its children
  int64_t committed_since_ms = 0;  // only cells committed from then on

  static constexpr size_t kPathsMax = 4'096;
};

// One node per path; the views point into `bytes`.
struct TreeAnswer {
  struct Child {
    char digit = '0';
    uint32_t hash = 0;
  };
  struct Cell {
    std::string_view key;
    std::string_view tag;
    std::string_view cell;
  };
  struct Node {
    uint32_t hash = 0;
    std::vector<Child> children;
    std::vector<Cell> cells;  // ascending by key, then tag
  };

  std::deque<std::string> bytes;
  std::vector<Node> nodes;
  int64_t horizon_ms = 0;  // commit time up to which retention may have dropped removals
};

enum class TagState : uint8_t { kUnknown = 0, kLive = 1, kDead = 2 };

struct ResolvedTag {
  TagState state = TagState::kUnknown;
  std::string key;
};

class TreeReader {
 public:
  using Done = std::function<void(StatusOr<std::shared_ptr<const TreeAnswer>>)>;
  // One answer per tag.
  using TagsDone = std::function<void(StatusOr<std::vector<ResolvedTag>>)>;

  static constexpr size_t kTagsMax = 65'536;  // of one question

  virtual ~TreeReader() = default;

  // Both retry inside and fail after a limit.
  virtual void ReadTree(TreeRequest request, Done done) = 0;
  virtual void ResolveTags(const std::string& map, const std::vector<std::string>& tags,
                           TagsDone done) = 0;
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
  uint32_t index = 0;  // where it stands in its feed entry
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

  // Returns the number of the change of interest that has the map. Counted per map: several may
  // want the same name, and each removes what it has added.
  virtual uint64_t AddInterest(const std::string& map) = 0;
  virtual void RemoveInterest(const std::string& map) = 0;
  // Whether changes that are events of the journal (state/journal_sequence.h) are of interest in
  // every map. Returns the number of that change of interest.
  virtual uint64_t WantAllMaps(bool wanted) = 0;
  // True when every shard reports changes of the maps added up to that number.
  virtual bool Confirmed(uint64_t interest_id) const = 0;
};

struct JournalQuery {
  state::JournalSequence from = {};
  std::optional<std::string> map = {};  // nothing: all
  size_t limit = 100;
  // Of every shard: nothing that was committed after it. Empty: everything so far.
  std::vector<state::Position> upto = {};
};

// An event of the journal that was read.
struct JournalRecord {
  state::JournalSequence sequence;
  std::string_view map;
  std::string_view key;
  state::CellView cell;
};
inline size_t BytesOf(const JournalRecord& record) {
  return record.map.size() + record.key.size() + record.cell.value.size();
}

struct JournalAnswer {
  std::deque<std::string> bytes;       // what the records point into
  std::vector<JournalRecord> records;  // ascending
  // Where to go on; nothing: there is no more.
  std::optional<state::JournalSequence> next;
  std::vector<state::Position> positions;  // of every shard: what was considered
};

// Events that are retained (docs/journal.md), after everything acknowledged before the call.
class JournalReader {
 public:
  using Done = std::function<void(StatusOr<std::shared_ptr<const JournalAnswer>>)>;

  virtual ~JournalReader() = default;

  // Retries inside; fails after a limit.
  virtual void ReadJournal(const JournalQuery& query, Done done) = 0;
};

// A message of a topic (features.md 2); the views are valid during the call.
struct Publication {
  std::string_view topic;
  std::string_view data;  // MessagePack
  std::string_view origin;
  int64_t published_ms = 0;
};

// What became of a publication.
enum class Published : uint8_t {
  kSent,
  kNoReplica,  // none is up
  kBackedUp,   // too much waits for its replica
};

class PublicationObserver {
 public:
  virtual ~PublicationObserver() = default;

  virtual void OnPublication(const Publication& publication) = 0;
  // So many that were kSent have not left, or may not have, before their stream ended.
  virtual void OnPublicationsLost(size_t count) = 0;
};

// Carries publications between all gateways, this one included: at most once, those of one
// connection about one topic in order.
class TopicBus {
 public:
  virtual ~TopicBus() = default;

  // Publications of the topic are heard from soon after. Idempotent.
  virtual void AddTopic(const std::string& topic) = 0;
  virtual void RemoveTopic(const std::string& topic) = 0;
  virtual Published Publish(const Publication& publication) = 0;
};

}  // namespace topgun::gateway
