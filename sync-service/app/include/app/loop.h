// One event loop: a thread, a Redis client and every shard with number % loops == index.
//
// Nothing in it is shared with other loops, so nothing on the hot path is locked. Built stopped;
// Start() begins the thread; Stop() ends it and joins.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/config.h"
#include "base/clock.h"
#include "crdt/hybrid_logical_clock.h"
#include "discovery/resolver.h"
#include "domain/lock_table.h"
#include "domain/retention_sweeper.h"
#include "domain/shard.h"
#include "domain/shard_locks.h"
#include "domain/view_registry.h"
#include "domain/watcher.h"
#include "redis/client.h"
#include "service/answer_group.h"

namespace topgun::sync {

class NullOwner;
class RedisShardStore;
class ShardReplicas;

class Loop final : public Scheduler {
 public:
  // `storage`: where the storage services are, null without Postgres.
  Loop(const Config& config, discovery::Resolver* storage, const rpc::Credentials& credentials,
       size_t index, size_t loop_count, Probe& probe, redis::ClientMetrics& redis_metrics);
  ~Loop() override;

  void Start();
  void Stop();

  // Any thread. False once the loop has stopped.
  bool PostTask(std::function<void()> task);
  // Any thread: `done` gets the loop's state as JSON, on the loop; never, once it has stopped.
  void ReadStatus(std::function<void(std::string json)> done);
  // Any thread: the limits that a reload may change.
  void SetLimits(const Config& config);
  // Any thread: what /readyz says.
  uint32_t open_shards() const { return open_shards_.load(std::memory_order_relaxed); }
  size_t shard_count() const { return shards_.size(); }

  // On this loop only.
  Shard& ShardAt(uint32_t shard);
  ViewRegistry& views() { return *views_; }
  LockTable& locks() { return *locks_; }
  HeldAnswers& answers() { return answers_; }
  std::set<Watcher*>& watchers() { return watchers_; }

  void After(int64_t delay_ms, std::function<void()> task) override;
  void Post(std::function<void()> task) override;

 private:
  std::string StatusJson() const;
  redis::ClientEvents RedisEvents() const;
  void BuildOwner(const Config& config, discovery::Resolver* storage,
                  const rpc::Credentials& credentials);
  void BuildShards(const Config& config);
  void BuildShard(const Config& config, uint32_t number);
  void CheckShardCount();
  void OnShardCount(const StatusOr<redis::Reply>& reply);
  void PollFeeds();
  void EverySecond();

  const size_t index_;
  const size_t loop_count_;
  const uint32_t shard_total_;
  const std::string shard_count_key_;
  const std::chrono::milliseconds feed_poll_;
  Probe& probe_;
  SystemClock wall_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer poll_timer_;
  boost::asio::steady_timer second_timer_;
  crdt::HybridLogicalClock clock_;
  std::unique_ptr<redis::Client> redis_;
  redis::Route* shard_count_route_ = nullptr;  // to shard_count_key_
  bool shard_count_fits_ = false;
  std::unique_ptr<ShardOwner> owner_;
  NullOwner* null_owner_ = nullptr;          // owner_, when there is no Postgres
  std::unique_ptr<ShardReplicas> replicas_;  // null when none is to be asked
  std::vector<std::unique_ptr<RedisShardStore>> stores_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<ViewRegistry> views_;
  std::unique_ptr<ShardLocks> shard_locks_;
  std::unique_ptr<LockTable> locks_;
  std::unique_ptr<RetentionSweeper> sweeper_;
  HeldAnswers answers_;
  std::set<Watcher*> watchers_;
  std::atomic<uint32_t> open_shards_{0};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace topgun::sync
