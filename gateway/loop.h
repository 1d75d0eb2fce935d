// One loop: a thread with a complete stack of its own - connections, lanes, streams to every sync
// replica - so that nothing on the hot path is shared or locked.
//
// Built stopped. Start() begins the thread; End() lets it end by itself once its connections are
// closed and its streams are over; Join() waits for that.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "access/policy_access.h"
#include "access/policy_store.h"
#include "backend/apply_client.h"
#include "backend/cell_reader.h"
#include "backend/counter_reader.h"
#include "backend/journal_reader.h"
#include "backend/lock_client.h"
#include "backend/loser_reader.h"
#include "backend/map_counter.h"
#include "backend/map_reader.h"
#include "backend/map_searcher.h"
#include "backend/replica_set.h"
#include "backend/tree_reader.h"
#include "backend/watch_client.h"
#include "discovery/resolver.h"
#include "dispatch/access_gate.h"
#include "dispatch/cluster_view.h"
#include "dispatch/connection_table.h"
#include "dispatch/counters.h"
#include "dispatch/detached_writes.h"
#include "dispatch/device_registry.h"
#include "dispatch/fan_out.h"
#include "dispatch/journal/journal.h"
#include "dispatch/locks.h"
#include "dispatch/loop_context.h"
#include "dispatch/map_sync.h"
#include "dispatch/or_push.h"
#include "dispatch/stamp_echo.h"
#include "dispatch/topics.h"
#include "dispatch/write_router.h"
#include "hops/recorder.h"
#include "http/admin_endpoints.h"
#include "http/admin_maps.h"
#include "http/auth_endpoints.h"
#include "http/router.h"
#include "http/server_report.h"
#include "http/sync_endpoint.h"
#include "live/live_queries.h"
#include "metrics/registry.h"
#include "probe.h"
#include "request_tracer.h"
#include "search/searches.h"
#include "system/membership.h"
#include "system/system_maps.h"
#include "system/system_store.h"
#include "tracing/recorder.h"
#include "ws/listener.h"

namespace topgun::gateway {

struct LoopOptions {
  size_t index = 0;
  OriginPrefix origin_prefix{};
  uint32_t shard_count = 16;
  rpc::Credentials sync_credentials;
  size_t inflight_bytes_max = size_t{64} << 20;
  DispatchOptions dispatch;
  FanOutOptions fan_out;
  LiveQueryOptions live_queries;
  JournalOptions journal;
  MapSyncOptions map_sync;
  CounterOptions counters;
  TopicOptions topics;
  SearchOptions search;
  AccessGateOptions access_gate;
  std::vector<std::string> admin_subjects;
  ClusterOptions cluster;
  std::function<NodeReport()> report;  // of the whole gateway
  RouterOptions http;
  AuthEndpointOptions auth;
  AdminOptions admin;
  SyncOptions sync;
};

// Which connections an operator wants to see.
struct ConnectionQuery {
  uint32_t from = 0;    // slot
  size_t limit = 0;     // at least 1
  std::string subject;  // empty: everybody's
};

struct ConnectionPage {
  struct Entry {
    ConnectionId id;
    std::string address;  // of the client, or of what is in front of the gateway
    std::string subject;  // empty: not authenticated yet, or nobody has to
    std::string device;   // empty: unknown
    bool authenticated = false;
    double age_seconds = 0;
    size_t queued_bytes = 0;
    size_t subscriptions = 0;
    uint64_t unacked_ops = 0;     // of frames that are not acknowledged yet
    bool unacknowledged = false;  // some write is
    Backlog backlog = Backlog::kNone;
    bool paused = false;  // its socket is not read at the moment
    bool closing = false;
  };
  std::vector<Entry> entries;
  std::optional<uint32_t> next;  // slot where to go on
};

// Connections that subscribe a map, by its name. At most kMapsMax of them.
struct SubscriberCounts {
  static constexpr size_t kMapsMax = 10'000;
  std::map<std::string, uint64_t> maps;
  bool truncated = false;
};

// What a reload may change in a loop.
struct LoopLimits {
  size_t inflight_bytes_max = size_t{64} << 20;
  size_t subscriptions_max = 1'000;
  DispatchOptions dispatch;
  SettingsInfo settings;  // what GET /api/admin/settings shows
};

// What the endpoints of all loops share. Everything is safe from any thread and outlives the loops.
struct HttpServices {
  ServerReporter report;
  const AdminLogin& login;
  AddressLimiter& login_limiter;
  AddressLimiter& admin_limiter;
};

class Loop {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `verifier` is null in no-auth mode. All references outlive the loop.
  Loop(LoopOptions options, discovery::Resolver& sync_services, const TokenVerifier* verifier,
       const HttpServices& services, const WallClock& clock, metrics::Registry& registry,
       hops::Recorder& recorder, tracing::Recorder& spans);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Listener::Loop for_listener() {
    return {.io = &io_,
            .acceptor = &table_,
            .http = &http_,
            .probe = &probe_,
            .http_requests = &http_requests_};
  }

  // `port` is where the listener accepts.
  void Start(uint16_t port);
  // Any thread: connections are closed, paced, as their acks leave. The loop goes on.
  void BeginDrain();
  // Any thread: those that are left stay, others may come.
  void CancelDrain();
  // Any thread: a drain, unless one is under way, and then the end of the loop.
  void End(const DrainOptions& options);
  void Join();
  // After Join(): writes that were acknowledged before their commit may be lost with this process.
  bool left_commits_owed() const { return left_commits_owed_; }

  // Any thread: takes effect in a later turn of the loop, for connections that are there, too.
  void SetLimits(LoopLimits limits);

  // Any thread: totals of the whole process.
  void Report(ServerReport& report) const;
  // Any thread: `done` gets the loop's state as JSON, on the loop; never, once it has ended.
  void ReadStatus(std::function<void(std::string json)> done);
  // Any thread: as ReadStatus, the part whose size does not grow with the connections.
  void ReadSummary(std::function<void(std::string json)> done);
  // Any thread: `done` gets the clients' maps with their records, on the loop; never, once it has
  // ended.
  void ListMaps(MapListing::Done done);
  // Any thread: `done` gets what operators ask for, on the loop; never, once it has ended.
  void ListConnections(ConnectionQuery query, std::function<void(ConnectionPage)> done);
  void CloseConnection(ConnectionId id, std::function<void(bool found)> done);
  void CountSubscribers(std::function<void(SubscriberCounts)> done);
  // Any thread: what /readyz asks.
  size_t replicas_up() const { return replicas_up_.load(std::memory_order_relaxed); }

 private:
  void ScheduleTick();
  void RunAfter(std::chrono::milliseconds delay, std::function<void()> task);
  void Tick();
  void Leave(const DrainOptions& options);
  void TickDrain(Time now);
  void TickEnd(Time now);

  std::string StatusJson() const;
  void TakeOver(const LoopLimits& limits);
  void FollowSettings();
  void MountEndpoints(const HttpServices& services, metrics::Registry& registry);

  LoopOptions options_;
  size_t http_requests_ = 0;  // counted by connections, which end with the io_context
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  size_t active_calls_ = 0;  // that gRPC still knows

  Probe probe_;
  ConnectionTable table_;
  DetachedWrites detached_;
  WriteRouter written_;
  ReplicaSet replicas_;
  ApplyClient apply_;
  WatchClient watch_;
  GrpcMapReader reader_;
  GrpcCellReader cells_;
  GrpcTreeReader trees_;
  GrpcMapCounter counter_;
  GrpcCounterReader counter_reader_;
  GrpcLoserReader losers_;
  GrpcJournalReader journal_reader_;
  GrpcLockClient lock_client_;
  GrpcMapSearcher searcher_;
  FanOut fan_out_;
  LiveQueries live_queries_;
  JournalProbe journal_probe_;
  Journal journal_;
  Counters counters_;
  Locks locks_;
  SearchProbe search_probe_;
  Searches searches_;
  SystemMaps system_maps_;
  SystemStore system_store_;
  PolicyAccess access_;
  PolicyStore policy_store_;
  AccessGate gate_;
  MapSync map_sync_;
  Topics topics_;
  OrPush or_push_;
  DeviceRegistry devices_;
  StampEcho stamp_echo_;
  ClusterView cluster_;
  Membership membership_;
  LoopContext context_;
  MapListing map_listing_;  // for operators
  AdminEndpoints admin_;
  RequestTracer request_tracer_;
  Router http_;
  SyncEndpoint sync_;

  Time drain_begun_;
  bool ending_ = false;
  bool closed_ = false;  // the streams
  bool left_commits_owed_ = false;
  Time end_deadline_;
  std::atomic<size_t> replicas_up_{0};
  std::thread thread_;
};

}  // namespace topgun::gateway
