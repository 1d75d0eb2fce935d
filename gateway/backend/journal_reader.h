// Reads the journal from the sync replicas: every shard at the one that serves it, which remembers
// more of it than the others (docs/journal.md); the answer is merged.
//
// Owned by the loop; one thread. At most kRunningMax reads are on their way; further ones fail with
// RESOURCE_EXHAUSTED. After Close() no callback comes any more; it must live until its calls have
// ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "backend/retrying_calls.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class GrpcJournalReader final : public JournalReader {
 public:
  static constexpr size_t kRunningMax = 64;
  // Clients wait for 10 s.
  static constexpr std::chrono::milliseconds kPatience{8'000};

  // `active_calls` counts what gRPC still knows of this loop.
  GrpcJournalReader(boost::asio::io_context& io, size_t& active_calls, uint32_t shard_count,
                    ReplicaSet& replicas)
      : io_(io),
        shard_count_(shard_count),
        replicas_(replicas),
        calls_(io, active_calls, replicas, kPatience) {}

  void ReadJournal(const JournalQuery& query, Done done) override;
  void Close() { calls_.Close(); }

 private:
  struct Read;
  struct Call;  // to one replica

  std::vector<std::vector<uint32_t>> ShardsByReplica();
  void Ask(const std::shared_ptr<Read>& read, const JournalQuery& query,
           const std::vector<uint32_t>& shards);
  void OnAnswer(const std::shared_ptr<Read>& read, Call& call, const Status& status);
  void Finish(Read& read);

  boost::asio::io_context& io_;
  const uint32_t shard_count_;
  ReplicaSet& replicas_;
  RetryingCalls calls_;
  size_t running_ = 0;
};

}  // namespace topgun::gateway
