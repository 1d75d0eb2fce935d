#include "loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "base/thread_name.h"
#include "http/openapi.h"
#include "http/status_endpoints.h"
#include "logging/logging.h"
#include "system/cluster_settings.h"

namespace topgun::gateway {
namespace {

// Sessions that do not answer the close frame end by themselves within this time.
constexpr std::chrono::milliseconds kCloseGrace{1'000};

// Names this loop in the timestamps that it makes.
std::string StampNodeIdOf(const LoopOptions& options) {
  return options.map_sync.node_id + "-" + std::to_string(options.index);
}

}  // namespace

Loop::Loop(LoopOptions options, discovery::Resolver& sync_services, const TokenVerifier* verifier,
           const HttpServices& services, const WallClock& clock, metrics::Registry& registry,
           hops::Recorder& recorder, tracing::Recorder& spans)
    : options_(std::move(options)),
      work_(io_.get_executor()),
      timer_(io_),
      probe_(registry, options_.index, &recorder, &spans),
      table_(options_.origin_prefix, static_cast<uint8_t>(options_.index)),
      detached_(
          DetachedWriteOptions(),
          [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); }, probe_),
      written_(table_, detached_),
      replicas_(io_, sync_services, options_.sync_credentials, probe_),
      apply_(io_, active_calls_, options_.shard_count, options_.inflight_bytes_max, replicas_,
             written_, probe_),
      watch_(io_, active_calls_, options_.shard_count, replicas_, probe_),
      reader_(io_, active_calls_, replicas_),
      cells_(io_, active_calls_, replicas_),
      trees_(io_, active_calls_, replicas_),
      counter_(io_, active_calls_, replicas_),
      counter_reader_(io_, active_calls_, options_.shard_count, replicas_),
      losers_(io_, active_calls_, replicas_),
      journal_reader_(io_, active_calls_, options_.shard_count, replicas_),
      lock_client_(io_, active_calls_, options_.shard_count, replicas_),
      searcher_(io_, active_calls_, replicas_),
      fan_out_(options_.fan_out, watch_, reader_, probe_, clock),
      live_queries_(options_.live_queries, reader_, probe_, registry, clock),
      journal_probe_(registry),
      journal_(options_.journal, watch_, journal_reader_, clock, journal_probe_, fan_out_),
      counters_(
          options_.counters, watch_, counter_reader_,
          [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); }, registry,
          journal_),
      locks_(LockOptions(), lock_client_, probe_),
      search_probe_(registry, options_.index),
      searches_(
          options_.search, watch_, searcher_, counters_,
          [this](std::chrono::milliseconds delay, std::function<void()> task) {
            RunAfter(delay, std::move(task));
          },
          search_probe_, clock),
      system_maps_(watch_, reader_, clock, searches_.changes()),
      system_store_(
          StampNodeIdOf(options_), cells_, detached_,
          [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); }, clock),
      access_(options_.admin_subjects, system_maps_.policies(), probe_),
      policy_store_(system_store_, system_maps_.policies(), reader_, cells_, clock, RandomPolicyId),
      gate_(
          options_.access_gate, access_,
          [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); }, probe_),
      map_sync_(
          options_.map_sync, trees_, clock,
          [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); }, probe_),
      topics_(options_.topics, watch_, access_, clock, registry),
      or_push_(trees_, probe_),
      devices_(StampNodeIdOf(options_), cells_, detached_, clock, probe_),
      stamp_echo_(
          cells_, [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); },
          probe_),
      cluster_(options_.cluster, clock),
      membership_({.enabled = options_.cluster.membership,
                   .speaks = options_.index == 0,
                   .report = options_.report},
                  cluster_, system_maps_.nodes(), system_store_, cells_, clock, probe_),
      context_{.options = options_.dispatch,
               .verifier = verifier,
               .access = access_,
               .gate = gate_,
               .sink = apply_,
               .detached = detached_,
               .cells = cells_,
               .maps = cells_,
               .fan_out = fan_out_,
               .query_rows = live_queries_,
               .journal = journal_,
               .locks = locks_,
               .system_maps = system_maps_,
               .system_store = system_store_,
               .policy_store = policy_store_,
               .map_sync = map_sync_,
               .topics = topics_,
               .or_push = or_push_,
               .counters = counters_,
               .searches = searches_,
               .devices = devices_,
               .stamp_echo = stamp_echo_,
               .table = table_,
               .cluster = cluster_,
               .membership = membership_,
               .probe = probe_,
               .clock = clock,
               .frame = {},
               .now = {}},
      map_listing_(cells_, counter_),
      admin_(options_.admin, {.verifier = verifier,
                              .limiter = services.admin_limiter,
                              .stamp_node_id = StampNodeIdOf(options_),
                              .maps = cells_,
                              .counter = counter_,
                              .reader = reader_,
                              .cells = cells_,
                              .losers = losers_,
                              .trees = trees_,
                              .writes = detached_,
                              .system_maps = system_maps_,
                              .system_store = system_store_,
                              .policies = policy_store_,
                              .cluster = cluster_,
                              .membership = membership_,
                              .clock = clock}),
      request_tracer_(probe_.tracer()),
      http_(options_.http, registry, options_.index),
      sync_(options_.sync,
            {.access = access_,
             .writes = detached_,
             .trees = trees_,
             .maps = reader_,
             .clock = clock,
             .tracer = probe_.tracer()},
            verifier, registry) {
  http_.set_tracing(request_tracer_);
  probe_.tracer().set_defer(
      [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); });
  table_.Bind(context_);
  detached_.Bind(apply_);
  gate_.Bind(context_);
  access_.set_on_change([this] { gate_.OnPoliciesChanged(); });
  map_sync_.Bind(context_);
  or_push_.Bind(context_);
  counters_.Bind(context_);
  searches_.Bind(context_);
  stamp_echo_.Bind(context_);
  journal_.Bind(context_);
  locks_.Bind(context_);
  fan_out_.set_gate(gate_);
  fan_out_.set_query_rows(live_queries_);
  fan_out_.set_on_gap([this] { map_sync_.Heal(); });
  fan_out_.set_on_live([this](Connection& connection, const std::string& map) {
    map_sync_.OnLive(connection, map);
  });
  watch_.Bind(system_maps_, apply_, topics_);
  system_maps_.settings().Observe([this] { FollowSettings(); });
  MountEndpoints(services, registry);
}

void Loop::SetLimits(LoopLimits limits) {
  boost::asio::post(io_, [this, limits = std::move(limits)] { TakeOver(limits); });
}

void Loop::TakeOver(const LoopLimits& limits) {
  options_.dispatch = limits.dispatch;
  options_.admin.settings = limits.settings;
  table_.OnOptionsChanged();
  apply_.set_inflight_bytes_max(limits.inflight_bytes_max);
  fan_out_.set_subscriptions_max(limits.subscriptions_max);
  searches_.set_subscriptions_max(limits.subscriptions_max);
  sync_.set_op_limits(limits.dispatch.op_limits);
  admin_.set_settings(limits.settings);
  FollowSettings();
}

// What an administrator has changed, or how the process was started.
void Loop::FollowSettings() {
  const ClusterSettings settings = ReadClusterSettings(system_maps_.settings().rows());
  const SettingsInfo& started = options_.admin.settings;
  detached_.set_ops_max(static_cast<size_t>(
      settings.max_concurrent_operations.value_or(started.max_concurrent_operations)));
  if (options_.index != 0) return;  // the level is the process's
  const auto level = logging::ParseLevel(settings.log_level.value_or(started.log_level));
  if (level.ok()) logging::SetLevel(*level);
}

void Loop::MountEndpoints(const HttpServices& services, metrics::Registry& registry) {
  MountStatusEndpoints(http_, services.report, registry);
  MountAuthEndpoints(http_, options_.auth, services.login, services.login_limiter);
  admin_.Mount(http_);
  sync_.Mount(http_);
  MountOpenApi(http_);
}

Loop::~Loop() {
  using std::chrono::milliseconds;
  if (thread_.joinable()) End({.window = milliseconds(0), .patience = milliseconds(0)});
  Join();
}

void Loop::Start(uint16_t port) {
  cluster_.Listening(port);
  boost::asio::post(io_, [this] {
    const Time now = std::chrono::steady_clock::now();
    fan_out_.Tick(now);
    live_queries_.Tick(now);
    searches_.Tick(now);
    membership_.Start();
    system_maps_.Start();
    replicas_.Start();
    Tick();
  });
  thread_ = std::thread([this] {
    NameThread("loop-" + std::to_string(options_.index));
    io_.run();
  });
}

void Loop::ScheduleTick() {
  timer_.expires_after(ConnectionTable::kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const std::chrono::duration<double> late = std::chrono::steady_clock::now() - timer_.expiry();
    probe_.LoopLag(late.count());
    Tick();
  });
}

void Loop::RunAfter(std::chrono::milliseconds delay, std::function<void()> task) {
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_, delay);
  timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error) task();
  });
}

void Loop::Tick() {
  const Time now = std::chrono::steady_clock::now();
  if (!closed_) {
    replicas_.Tick(now);
    apply_.Tick(now);
    watch_.Tick(now);
    fan_out_.Tick(now);
    live_queries_.Tick(now);
    journal_.Tick(now);
    system_maps_.Tick(now);
    access_.Tick(now);
    gate_.Tick(now);
    membership_.Tick(now);
    map_sync_.Tick(now);
    or_push_.Tick(now);
    counters_.Tick(now);
    searches_.Tick(now);
    devices_.Tick(now);
    locks_.Tick(now);
    stamp_echo_.Tick();
    detached_.Tick(now);
    sync_.Tick(now);
    replicas_up_.store(replicas_.up_count(), std::memory_order_relaxed);
  }
  table_.Tick(now);
  http_.Tick(now);
  if (table_.draining()) TickDrain(now);
  if (ending_) TickEnd(now);
  ScheduleTick();
}

void Loop::BeginDrain() {
  boost::asio::post(io_, [this] { Leave(options_.dispatch.drain); });
}

void Loop::CancelDrain() {
  boost::asio::post(io_, [this] {
    if (ending_) return;
    table_.CancelDrain();
    membership_.Return();
    if (options_.index == 0) probe_.DrainSeconds(0);
  });
}

void Loop::End(const DrainOptions& options) {
  boost::asio::post(io_, [this, options] {
    const bool drained_before = table_.draining();
    Leave(options);
    ending_ = true;
    end_deadline_ = table_.drain_deadline();
    if (!drained_before) return;
    end_deadline_ = std::max(end_deadline_,
                             std::chrono::steady_clock::now() + Time::duration(options.patience));
  });
}

void Loop::Leave(const DrainOptions& options) {
  if (table_.draining()) return;
  drain_begun_ = std::chrono::steady_clock::now();
  membership_.Leave();
  table_.BeginDrain(options, drain_begun_);
}

// One of the loops speaks for the process.
void Loop::TickDrain(Time now) {
  if (options_.index != 0 || probe_.connections() == 0) return;
  probe_.DrainSeconds(std::chrono::duration<double>(now - drain_begun_).count());
}

void Loop::TickEnd(Time now) {
  // Some writes of those who have left may be acknowledged, but not committed yet.
  // The locks of those who have left are on their way back.
  const bool owes = !closed_ && (apply_.owes_commits() || lock_client_.releasing());
  const bool busy = table_.size() > 0 || http_requests_ > 0 || owes;
  if (busy && now < end_deadline_ + kCloseGrace) return;
  if (!membership_.left() && now < end_deadline_) return;
  if (!closed_) {
    closed_ = true;
    left_commits_owed_ = apply_.owes_commits();
    replicas_.Stop();
    apply_.Close();
    watch_.Close();
    reader_.Close();
    cells_.Close();
    trees_.Close();
    counter_.Close();
    counter_reader_.Close();
    losers_.Close();
    journal_reader_.Close();
    lock_client_.Close();
    searcher_.Close();
  }
  // Only then nothing of gRPC's will be posted to this loop any more.
  if (active_calls_ == 0) io_.stop();
}

void Loop::Report(ServerReport& report) const {
  report.connections = probe_.connections();
  report.operations = probe_.operations();
  report.in_flight = http_.in_flight_of_process();
}

void Loop::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace topgun::gateway
