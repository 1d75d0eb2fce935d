#include "app/loop.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "backend/storage_client.h"
#include "base/thread_name.h"
#include "logging/logging.h"
#include "owner/null_owner.h"
#include "state/keys.h"
#include "store/redis_shard_store.h"
#include "store/shard_replicas.h"

namespace topgun::sync {

namespace {

// Replicas and loops tick with different node ids, so no two of them make the same timestamp.
std::string NodeId(const Config& config, size_t index) {
  return config.name + "-" + std::to_string(index);
}

ShardLimits LimitsOf(const Config& config) {
  ShardLimits limits;
  limits.batch.cells_max = config.commit_cells_max;
  limits.queue_bytes_max = config.queue_bytes_max / config.shards;
  limits.cache_bytes_max = config.cache_bytes_max / config.shards;
  limits.ring_bytes_max = config.ring_bytes_max / config.shards;
  limits.losers.bytes_max = config.loser_bytes_max / config.shards;
  limits.volatile_storage = config.without_storage();
  return limits;
}

// Without Postgres nothing is ever persisted.
uint64_t UnpersistedMaxOf(const Config& config) {
  return config.without_storage() ? 0 : config.unpersisted_bytes_max;
}

redis::ConnectionOptions ConnectionOf(const Config& config) {
  redis::ConnectionOptions options;
  options.security = config.redis_security;
  options.client_name = config.name;
  return options;
}

// A question that failed for another reason than a lost connection is asked again.
constexpr int64_t kShardCountRetryMs = 500;

}  // namespace

Loop::Loop(const Config& config, discovery::Resolver* storage, const rpc::Credentials& credentials,
           size_t index, size_t loop_count, Probe& probe, redis::ClientMetrics& redis_metrics)
    : index_(index),
      loop_count_(loop_count),
      shard_total_(config.shards),
      shard_count_key_(state::ShardCountKey(config.redis_prefix)),
      feed_poll_(config.feed_poll),
      probe_(probe),
      work_(boost::asio::make_work_guard(io_)),
      poll_timer_(io_),
      second_timer_(io_),
      clock_(NodeId(config, index), wall_) {
  redis_ = std::make_unique<redis::Client>(
      io_, redis::ClientOptions{.topology = config.redis, .connection = ConnectionOf(config)},
      RedisEvents(), &redis_metrics);
  // Before the routes of shards: when all of them come back at once, this one is asked first. One
  // server may be another one when it comes back; the nodes of a cluster know each other.
  shard_count_route_ =
      &redis_->AddRoute(shard_count_key_, {.connected = [this] { CheckShardCount(); },
                                           .disconnected =
                                               [this](const Status&) {
                                                 if (!redis_->topology().cluster)
                                                   shard_count_fits_ = false;
                                               }});
  BuildOwner(config, storage, credentials);
  if (config.redis_replicas != 0) {
    replicas_ = std::make_unique<ShardReplicas>(
        io_, ConnectionOf(config), ReplicaOptions{.replicas = config.redis_replicas}, probe_);
  }
  BuildShards(config);
}

Loop::~Loop() { Stop(); }

redis::ClientEvents Loop::RedisEvents() const {
  const auto log = [this](std::string_view what) {
    return [this, what, limit = std::make_shared<logging::RateLimit>(std::chrono::seconds(5))](
               const Status& reason) {
      uint64_t suppressed = 0;
      if (!limit->Allow(&suppressed)) return;
      logging::Warning("loop", what,
                       {{"loop", index_}, {"reason", Message(reason)}, {"suppressed", suppressed}});
    };
  };
  return {.connected =
              [this] {
                if (replicas_ != nullptr) replicas_->Reach();
              },
          .disconnected = log("Redis is away"),
          .connect_failed = log("Redis cannot be reached"),
          .topology_unknown =
              log("cannot tell where Redis' primaries are; see --redis-cluster, --redis-sentinel")};
}

void Loop::BuildOwner(const Config& config, discovery::Resolver* storage,
                      const rpc::Credentials& credentials) {
  if (storage == nullptr) {
    auto owner = std::make_unique<NullOwner>(
        NullOwnerOptions{.watch_window_ms = config.watch_window.count()}, wall_);
    null_owner_ = owner.get();
    owner_ = std::move(owner);
  } else {
    owner_ = std::make_unique<StorageClient>(
        *storage, credentials, [this](std::function<void()> task) { Post(std::move(task)); });
  }
}

void Loop::BuildShards(const Config& config) {
  for (uint32_t number = 0; number < shard_total_; ++number) {
    if (number % loop_count_ == index_) BuildShard(config, number);
  }
  std::vector<Shard*> shards;
  for (auto& shard : shards_) shards.push_back(shard.get());
  shard_locks_ =
      std::make_unique<ShardLocks>([this](uint32_t shard) -> Shard& { return ShardAt(shard); });
  locks_ = std::make_unique<LockTable>(LockLimits(), *shard_locks_, *this, probe_.locks());
  sweeper_ = std::make_unique<RetentionSweeper>(
      shards, RetentionLimits{.retention_ms = config.retention.count()}, *this, wall_, probe_);
  ViewLimits limits;
  limits.bytes_max = config.view_bytes_max / loop_count_;
  limits.idle_ms = config.view_idle.count();
  views_ = std::make_unique<ViewRegistry>(std::move(shards), limits, *this, wall_, probe_);
}

void Loop::BuildShard(const Config& config, uint32_t number) {
  const state::ShardKeys keys(config.redis_prefix, number, shard_total_);
  const size_t place = shards_.size();
  redis::Route& route = redis_->AddRoute(
      keys.meta(),
      {.connected =
           [this, place] {
             if (shard_count_fits_) shards_[place]->OnConnected();
           },
       .disconnected = [this, place](const Status&) { shards_[place]->OnDisconnected(); }});
  if (null_owner_ != nullptr) null_owner_->AddShard(number, route, keys);
  Replicas* const replicas =
      replicas_ == nullptr ? nullptr : &replicas_->AddShard(route, keys.fence());
  stores_.push_back(std::make_unique<RedisShardStore>(
      route, keys, UnpersistedMaxOf(config),
      std::make_unique<WatchedShard>(io_, ConnectionOf(config), route, keys, probe_)));
  shards_.push_back(std::make_unique<Shard>(
      number, LimitsOf(config),
      Shard::Dependencies{*stores_.back(), *owner_, *this, clock_, wall_, probe_, replicas}));
}

void Loop::Start() {
  Post([this] {
    redis_->Start();
    PollFeeds();
    EverySecond();
    sweeper_->Start();
  });
  thread_ = std::thread([this] {
    NameThread("loop-" + std::to_string(index_));
    io_.run();
  });
}

void Loop::Stop() {
  if (stopped_.exchange(true)) return;
  boost::asio::post(io_, [this] {
    poll_timer_.cancel();
    second_timer_.cancel();
    redis_->Close();
    for (auto& store : stores_) store->Close();
    if (replicas_ != nullptr) replicas_->Close();
    work_.reset();
    io_.stop();
  });
  if (thread_.joinable()) thread_.join();
}

bool Loop::PostTask(std::function<void()> task) {
  if (stopped_.load(std::memory_order_relaxed)) return false;
  boost::asio::post(io_, std::move(task));
  return true;
}

void Loop::Post(std::function<void()> task) { PostTask(std::move(task)); }

void Loop::After(int64_t delay_ms, std::function<void()> task) {
  auto timer =
      std::make_shared<boost::asio::steady_timer>(io_, std::chrono::milliseconds(delay_ms));
  timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error) task();
  });
}

void Loop::SetLimits(const Config& config) {
  Post([this, queue = LimitsOf(config).queue_bytes_max, unpersisted = UnpersistedMaxOf(config)] {
    for (auto& shard : shards_) shard->set_queue_bytes_max(queue);
    for (auto& store : stores_) store->set_unpersisted_bytes_max(unpersisted);
  });
}

Shard& Loop::ShardAt(uint32_t shard) { return *shards_[(shard - index_) / loop_count_]; }

// The first process of a cluster writes its shard count; the others must agree
// (docs/state-layout.md).
void Loop::CheckShardCount() {
  const std::string wanted = std::to_string(shard_total_);
  shard_count_route_->Send({"SET", shard_count_key_, wanted, "NX"},
                           [](const StatusOr<redis::Reply>&) {});
  shard_count_route_->Send({"GET", shard_count_key_},
                           [this](const StatusOr<redis::Reply>& reply) { OnShardCount(reply); });
}

void Loop::OnShardCount(const StatusOr<redis::Reply>& reply) {
  if (!reply.ok()) {
    if (!shard_count_route_->connected()) return;  // asked again when it is
    return After(kShardCountRetryMs, [this] {
      if (!shard_count_fits_ && shard_count_route_->connected()) CheckShardCount();
    });
  }
  const std::string wanted = std::to_string(shard_total_);
  const std::string_view found = redis::ReplyView(reply->get()).str();
  if (found != wanted) {
    logging::Error("loop", "Redis belongs to a cluster with another number of shards; set --shards",
                   {{"configured", wanted}, {"found", found}});
    return;
  }
  if (std::exchange(shard_count_fits_, true)) return;
  for (auto& shard : shards_) {
    if (!shard->store().run().empty()) shard->OnConnected();
  }
}

void Loop::PollFeeds() {
  for (auto& shard : shards_) shard->Poll();
  probe_.AnswersReleased(answers_.ReleaseOld(std::chrono::steady_clock::now()));
  poll_timer_.expires_after(feed_poll_);
  poll_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const std::chrono::duration<double> late =
        std::chrono::steady_clock::now() - poll_timer_.expiry();
    probe_.LoopLag(late.count());
    PollFeeds();
  });
}

void Loop::EverySecond() {
  uint32_t open = 0;
  for (auto& shard : shards_) {
    if (!shard->open()) continue;
    ++open;
    if (null_owner_ != nullptr) null_owner_->Trim(shard->number(), shard->feed().position());
  }
  open_shards_ = open;
  for (Watcher* watcher : watchers_) watcher->Progress();
  views_->DropIdle();
  second_timer_.expires_after(std::chrono::seconds(1));
  second_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) EverySecond();
  });
}

}  // namespace topgun::sync
