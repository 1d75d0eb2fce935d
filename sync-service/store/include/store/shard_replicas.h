// Replicas of a loop's shards: of each shard those of the primary that has it now.
//
// One RedisReplicas, and with it one connection, per primary that was asked; one that is not
// reached any more and that nobody waits for is dropped when another is added.
//
// Owned by a Loop and used on it only. Closed, it drops its waiters without an answer.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "domain/io.h"
#include "redis/client.h"
#include "store/redis_replicas.h"

namespace topgun::sync {

class ShardReplicas {
 public:
  // `connection`: of each primary; its address is not used.
  ShardReplicas(boost::asio::io_context& io, redis::ConnectionOptions connection,
                ReplicaOptions options, Probe& probe);
  ~ShardReplicas();
  ShardReplicas(const ShardReplicas&) = delete;
  ShardReplicas& operator=(const ShardReplicas&) = delete;

  // Belongs to this object; the route outlives it.
  Replicas& AddShard(const redis::Route& route, std::string fence_key);
  // Connects to the primaries that have shards now, so that the first who asks need not wait for
  // it.
  void Reach();
  void Close();

 private:
  class OfShard;

  RedisReplicas& Of(const std::string& address);
  void DropIdle();

  boost::asio::io_context& io_;
  const redis::ConnectionOptions connection_;
  const ReplicaOptions options_;
  Probe& probe_;
  std::map<std::string, std::unique_ptr<RedisReplicas>> primaries_;  // by address
  std::deque<std::unique_ptr<OfShard>> shards_;
};

}  // namespace topgun::sync
