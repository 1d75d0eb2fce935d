// LeaseStore over Postgres, by Postgres' clock. Uses a pool of its own, so that a heartbeat never
// waits behind a flush.
//
// Threads: the loop's. The pool belongs to the application and outlives the store.
#pragma once

#include <chrono>
#include <string>

#include "pg/pool.h"
#include "shard/io.h"

namespace topgun::pg {

using boost::asio::awaitable;

class PgLeaseStore final : public storage::LeaseStore {
 public:
  // `address` is published to callers that ask the wrong process.
  PgLeaseStore(Pool& pool, std::string name, std::string address, std::chrono::milliseconds lease)
      : pool_(pool), name_(std::move(name)), address_(std::move(address)), lease_(lease) {}

  awaitable<StatusOr<storage::LeaseState>> Renew() override;
  awaitable<StatusOr<std::vector<uint32_t>>> Claim(std::vector<uint32_t> shards) override;
  awaitable<Status> Release(std::vector<uint32_t> shards) override;
  awaitable<Status> Leave() override;

 private:
  Pool& pool_;
  const std::string name_;
  const std::string address_;
  const std::chrono::milliseconds lease_;
};

}  // namespace topgun::pg
