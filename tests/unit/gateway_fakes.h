// Stand-ins for everything around the gateway's dispatch layer: sessions, cluster, clock.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "access/access.h"
#include "access/policy_store.h"
#include "dispatch/access_gate.h"
#include "dispatch/cluster_view.h"
#include "dispatch/connection_table.h"
#include "dispatch/counters.h"
#include "dispatch/detached_writes.h"
#include "dispatch/device_registry.h"
#include "dispatch/fan_out.h"
#include "dispatch/io.h"
#include "dispatch/journal/journal.h"
#include "dispatch/locks.h"
#include "dispatch/loop_context.h"
#include "dispatch/map_sync.h"
#include "dispatch/or_push.h"
#include "dispatch/search_requests.h"
#include "dispatch/stamp_echo.h"
#include "dispatch/topics.h"
#include "dispatch/write_router.h"
#include "gateway_service_fakes.h"
#include "live/live_queries.h"
#include "metrics/registry.h"
#include "support/manual_clock.h"
#include "system/membership.h"
#include "system/system_maps.h"
#include "system/system_store.h"
#include "wire/server_frame.h"
#include "ws/session.h"

namespace topgun::gateway {

// Keeps every frame, in the order a client would see them.
class FakeSession final : public Session {
 public:
  const UpgradeRequest& request() const override { return upgrade; }
  void Reply(std::string frame) override { frames.push_back(std::move(frame)); }
  void Urgent(std::string frame) override { frames.push_back(std::move(frame)); }
  bool Push(PushFrame push) override {
    if (push.lossy && slow) return false;
    frames.push_back(*push.head + (push.tail ? *push.tail : ""));
    last_stream = push.stream;
    return true;
  }
  void Close(CloseCause cause) override {
    if (!closed) closed = cause;
  }
  size_t queued_bytes() const override { return queued; }
  Backlog backlog() const override { return Backlog::kNone; }
  void Trim() override { ++trims; }
  void SetMessageBytesMax(uint64_t bytes) override { message_bytes_max = bytes; }
  void PauseReading(bool wanted) override { paused = wanted; }

  // The types of all frames since the last call, e.g. "OP_ACK ERROR".
  std::string TakeTypes() {
    std::string types;
    for (const std::string& frame : std::exchange(frames, {})) {
      wire::ServerFrame decoded;
      const bool ok = wire::DecodeServerFrame(frame, decoded).ok();
      if (!types.empty()) types.push_back(' ');
      types.append(ok ? wire::Name(decoded.type) : "?");
    }
    return types;
  }

  UpgradeRequest upgrade{.host = "localhost:8080", .target = "/ws"};
  std::vector<std::string> frames;
  uint64_t last_stream = 0;  // of the latest push
  std::optional<CloseCause> closed;
  uint64_t message_bytes_max = 0;
  size_t queued = 0;
  int trims = 0;
  bool slow = false;  // lossy frames are lost
  bool paused = false;
};

class FakeSink final : public WriteSink {
 public:
  struct Submitted {
    std::string map = {};
    std::string key = {};
    std::string id = {};
    std::string origin = {};
    OpRef ref = {};
    wire::OpKind kind = wire::OpKind::kNothing;
    std::string value = {};
    crdt::Timestamp timestamp = {};
    wire::WriteConcern concern = wire::WriteConcern::kApplied;
    std::string tag = {};
    double ttl_ms = 0;
    std::optional<uint32_t> dead_in = {};  // the shard in which the tag is declared dead
  };

  void Submit(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
              const OpRef& ref) override {
    submitted.push_back({.map = std::string(op.map),
                         .key = std::string(op.key),
                         .id = std::string(op.id),
                         .origin = std::string(origin),
                         .ref = ref,
                         .kind = op.kind,
                         .value = std::string(op.value),
                         .timestamp = crdt::Timestamp(op.timestamp),
                         .concern = concern,
                         .tag = std::string(op.tag),
                         .ttl_ms = op.ttl_ms});
  }
  void SubmitDeadTag(uint32_t shard, std::string_view map, std::string_view tag,
                     const OpRef& ref) override {
    submitted.push_back({.map = std::string(map),
                         .ref = ref,
                         .kind = wire::OpKind::kNothing,
                         .tag = std::string(tag),
                         .dead_in = shard});
  }
  // The key is the node, the value what it has counted.
  void SubmitCounted(std::string_view counter, const CountedNode& counted,
                     const OpRef& ref) override {
    submitted.push_back({.map = std::string(counter),
                         .key = counted.node,
                         .ref = ref,
                         .value = state::EncodeCounted(counted.counted)});
  }
  void Follow(const OpRef& first, Tracer::Frame& frame) override {
    frame.parts.push_back(1'000 + first.op);
  }
  uint32_t shard_count() const override { return 2; }
  bool Overloaded() const override { return overloaded; }
  SinkHealth Health() const override { return health; }

  // Answers everything submitted.
  void Answer(WriteObserver& observer, OpOutcome outcome = OpOutcome::kApplied) {
    for (const Submitted& op : std::exchange(submitted, {})) observer.OnOpDone(op.ref, outcome);
  }

  std::vector<Submitted> submitted;
  bool overloaded = false;
  SinkHealth health = SinkHealth::kHealthy;
};

class FakeSource final : public ChangeSource {
 public:
  uint64_t AddInterest(const std::string& map) override {
    interest.insert(map);
    return ++last_id;
  }
  void RemoveInterest(const std::string& map) override {
    const auto found = interest.find(map);
    if (found != interest.end()) interest.erase(found);
  }
  uint64_t WantAllMaps(bool wanted) override {
    all_maps = wanted;
    return ++last_id;
  }
  bool Confirmed(uint64_t interest_id) const override { return confirmed >= interest_id; }

  std::multiset<std::string> interest;
  bool all_maps = false;
  uint64_t last_id = 0;
  uint64_t confirmed = 1'000'000;
};

class FakeReader final : public MapReader {
 public:
  using Rows = std::vector<std::pair<std::string, std::string>>;  // key and MessagePack value
  // What a query asked for.
  struct Asked {
    std::string where = {};
    std::string sort = {};
    std::string after = {};
    uint32_t rows_max = 0;
  };

  void Read(const std::string& map, Done done) override {
    reads.emplace_back(map, std::move(done));
  }
  void ReadQuery(const std::string& map, const MapQuery& query, uint32_t rows_max,
                 Done done) override {
    reads.emplace_back(map, std::move(done));
    asked = {.where = std::string(query.where),
             .sort = std::string(query.sort),
             .after = std::string(query.after.value_or("")),
             .rows_max = rows_max};
  }

  // Answers the oldest read. Some rows have expiries.
  void Answer(const std::map<std::string, std::string>& rows,
              std::vector<state::Position> positions,
              const std::map<std::string, double>& expiries = {}) {
    AnswerInOrder({rows.begin(), rows.end()}, std::move(positions), false, expiries);
  }
  void AnswerInOrder(const Rows& rows, std::vector<state::Position> positions,
                     bool has_more = false, const std::map<std::string, double>& expiries = {}) {
    auto snapshot = std::make_shared<MapSnapshot>();
    for (const auto& [key, value] : rows) {
      const std::string& kept_key = snapshot->bytes.emplace_back(key);
      const std::string& kept_value = snapshot->bytes.emplace_back(value);
      if (const auto expiry = expiries.find(key); expiry != expiries.end()) {
        snapshot->expiries.push_back({.row = snapshot->rows.size(), .expires_ms = expiry->second});
      }
      snapshot->rows.push_back({.key = kept_key, .value = kept_value});
    }
    snapshot->positions = std::move(positions);
    snapshot->has_more = has_more;
    Pop()(std::shared_ptr<const MapSnapshot>(std::move(snapshot)));
  }
  void Fail(const Status& status = Unavailable("no sync replica is up")) { Pop()(status); }

  std::deque<std::pair<std::string, Done>> reads;
  Asked asked;  // by the latest read of a query

 private:
  Done Pop() {
    Done done = std::move(reads.front().second);
    reads.pop_front();
    return done;
  }
};

// Cells by map and key.
class FakeCells final : public CellReader, public MapLister {
 public:
  void ReadCells(const std::string& map, const std::vector<std::string>& keys,
                 CellReader::Done done) override {
    reads.push_back({map, keys, std::move(done)});
  }
  void ListMaps(MapLister::Done done) override { lists.push_back(std::move(done)); }

  // Answers the oldest read from `cells`.
  void Answer() {
    Read read = Pop();
    std::vector<std::string> found;
    for (const std::string& key : read.keys) found.push_back(cells[{read.map, key}]);
    read.done(std::move(found));
  }
  void Fail() { Pop().done(Unavailable("no sync replica is up")); }

  struct Read {
    std::string map;
    std::vector<std::string> keys;
    CellReader::Done done;
  };
  std::map<std::pair<std::string, std::string>, std::string> cells;
  std::deque<Read> reads;
  std::deque<MapLister::Done> lists;

 private:
  Read Pop() {
    Read read = std::move(reads.front());
    reads.pop_front();
    return read;
  }
};

// Answers when told to.
class FakeTrees final : public TreeReader {
 public:
  void ReadTree(TreeRequest request, Done done) override {
    reads.emplace_back(std::move(request), std::move(done));
  }
  void ResolveTags(const std::string& /*map*/, const std::vector<std::string>& tags,
                   TagsDone done) override {
    resolves.emplace_back(tags, std::move(done));
  }
  // Answers the oldest question; every tag that `known` does not name is unknown.
  void Resolve(const std::map<std::string, ResolvedTag>& known) {
    auto [tags, done] = std::move(resolves.front());
    resolves.pop_front();
    std::vector<ResolvedTag> resolved;
    for (const std::string& tag : tags) {
      const auto found = known.find(tag);
      resolved.push_back(found == known.end() ? ResolvedTag() : found->second);
    }
    done(std::move(resolved));
  }
  void FailResolve() {
    const auto done = std::move(resolves.front().second);
    resolves.pop_front();
    done(Unavailable("no sync replica is up"));
  }

  std::deque<std::pair<TreeRequest, Done>> reads;
  std::deque<std::pair<std::vector<std::string>, TagsDone>> resolves;
};

// A token is good when it is "good".
class FakeVerifier final : public TokenVerifier {
 public:
  StatusOr<Principal> Verify(std::string_view token) const override {
    if (token != "good") return Unauthenticated("bad token");
    return Principal{.user_id = "user-1", .roles = {}};
  }
};

// Allows everything but what it is told.
class FakeAccess final : public AccessControl {
 public:
  FakeAccess() { state_ = State::kOpen; }

  Decision Check(const Principal& /*principal*/, Action action, std::string_view map,
                 std::string_view value) const override {
    if (state_ == State::kUnknown) return Decision::kUnknown;
    const bool denied = denied_.contains({action, std::string(map)}) || value == denied_value;
    return state_ == State::kEnforced && denied ? Decision::kDeny : Decision::kAllow;
  }
  uint64_t version() const override { return version_; }

  void Become(State state) {
    state_ = state;
    ++version_;
  }
  void Deny(Action action, std::string map) {
    denied_.emplace(action, std::move(map));
    Become(State::kEnforced);
  }
  void Allow(Action action, std::string map) {
    denied_.erase({action, std::move(map)});
    Become(State::kEnforced);
  }

  std::string denied_value = "none";  // that nobody may write

 private:
  std::set<std::pair<Action, std::string>> denied_;
  uint64_t version_ = 0;
};

// Tasks for a later turn of the loop.
class FakeTurns {
 public:
  Defer defer() {
    return [this](std::function<void()> task) { tasks_.push_back(std::move(task)); };
  }
  // Runs them, and those that they add.
  void Run() {
    while (!tasks_.empty()) RunOne();
  }
  void RunOne() {
    if (tasks_.empty()) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
  }

 private:
  std::deque<std::function<void()>> tasks_;
};

// The dispatch layer of one loop between fakes.
class DispatchHarness {
 public:
  explicit DispatchHarness(bool with_auth = false, DispatchOptions dispatch_options = {},
                           FanOutOptions fan_out_options = {},
                           ClusterOptions cluster_options = SingleNode(),
                           AccessGateOptions gate_options = {},
                           tracing::Recorder* spans_in = nullptr,
                           CounterOptions counter_options = {},
                           const LiveQueryOptions& live_options = {},
                           JournalOptions journal_options = {})
      : options(dispatch_options),
        spans(spans_in),
        cluster(std::move(cluster_options), clock),
        fan_out(fan_out_options, source, reader, probe, clock),
        live_queries(live_options, reader, probe, registry, clock),
        journal(journal_options, source, journal_reader, clock, journal_probe, fan_out),
        counters(counter_options, source, counter_reader, turns.defer(), registry, journal),
        system_maps(source, reader, clock, counters),
        gate(gate_options, access, turns.defer(), probe),
        map_sync(MapSyncOptions(), trees, clock, turns.defer(), probe),
        or_push(trees, probe),
        context{.options = options,
                .verifier = with_auth ? &verifier : nullptr,
                .access = access,
                .gate = gate,
                .sink = sink,
                .detached = detached,
                .cells = cells,
                .maps = cells,
                .fan_out = fan_out,
                .query_rows = live_queries,
                .journal = journal,
                .locks = locks,
                .system_maps = system_maps,
                .system_store = system_store,
                .policy_store = policy_store,
                .map_sync = map_sync,
                .topics = topics,
                .or_push = or_push,
                .counters = counters,
                .searches = searches,
                .devices = devices,
                .stamp_echo = stamp_echo,
                .table = table,
                .cluster = cluster,
                .membership = membership,
                .probe = probe,
                .clock = clock,
                .frame = {},
                .now = {}} {
    table.Bind(context);
    detached.Bind(sink);
    gate.Bind(context);
    journal.Bind(context);
    fan_out.set_gate(gate);
    fan_out.set_query_rows(live_queries);
    map_sync.Bind(context);
    or_push.Bind(context);
    counters.Bind(context);
    stamp_echo.Bind(context);
    locks.Bind(context);
    fan_out.set_on_gap([this] { map_sync.Heal(); });
    fan_out.set_on_live([this](Connection& connection, const std::string& map) {
      map_sync.OnLive(connection, map);
    });
    now = std::chrono::steady_clock::now();
    fan_out.Tick(now);
    counters.Tick(now);
    live_queries.Tick(now);
    journal.Tick(now);
  }

  // One tick of the loop, so much later.
  void Tick(std::chrono::milliseconds later = ConnectionTable::kTick) {
    now += later;
    fan_out.Tick(now);
    live_queries.Tick(now);
    journal.Tick(now);
    gate.Tick(now);
    map_sync.Tick(now);
    or_push.Tick(now);
    counters.Tick(now);
    devices.Tick(now);
    locks.Tick(now);
    stamp_echo.Tick();
    detached.Tick(now);
    table.Tick(now);
    turns.Run();
  }

  static ClusterOptions SingleNode() {
    return {.self = {.id = "node-0", .host = "127.0.0.1", .port = 8080, .url = {}}};
  }

  DispatchOptions options;
  metrics::Registry registry;
  hops::Recorder recorder;
  tracing::Recorder* const spans;  // null: nothing is traced
  Probe probe{registry, 0, &recorder, spans};
  support::ManualClock clock{1'700'000'000'000};
  ClusterView cluster;
  FakeVerifier verifier;
  FakeSink sink;
  FakeSource source;
  FakeReader reader;
  FakeTrees trees;
  FakeCounterReader counter_reader;
  FakeCells cells;
  FakeLockClient lock_client;
  Locks locks{{.per_connection_max = 5}, lock_client, probe};
  ConnectionTable table{OriginPrefix{'t', 'e', 's', 't'}, 0};
  FakeTurns turns;
  FakeAccess access;
  DetachedWrites detached{DetachedWriteOptions(), turns.defer(), probe};
  WriteRouter written{table, detached};  // what `sink` answers
  FanOut fan_out;
  LiveQueries live_queries;
  FakeJournal journal_reader;
  JournalProbe journal_probe{registry};
  Journal journal;
  Counters counters;
  SystemMaps system_maps;  // not started
  SystemStore system_store{"gateway-0", cells, detached, turns.defer(), clock};
  PolicyStore policy_store{system_store, system_maps.policies(),          reader, cells,
                           clock,        [] { return std::string("id"); }};
  AccessGate gate;
  Membership membership{{}, cluster, system_maps.nodes(), system_store, cells, clock, probe};
  MapSync map_sync;
  FakeBus bus;
  Topics topics{TopicOptions(), bus, access, clock, registry};
  OrPush or_push;
  FakeSearches searches;
  DeviceRegistry devices{"gateway-0", cells, detached, clock, probe};
  StampEcho stamp_echo{cells, turns.defer(), probe};
  LoopContext context;
  std::chrono::steady_clock::time_point now;
};

}  // namespace topgun::gateway
