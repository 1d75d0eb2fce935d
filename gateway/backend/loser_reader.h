// Gathers what every sync replica remembers of writes that lost: each only knows those that it
// merged itself.
//
// Owned by the loop; one thread. At most kRunningMax reads are on their way; further ones are
// answered as if no replica had answered. After Close() no callback comes any more; it must live
// until its calls have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "backend/replica_set.h"
#include "http/admin_io.h"

namespace topgun::gateway {

class GrpcLoserReader final : public LoserReader {
 public:
  static constexpr size_t kRunningMax = 16;  // each may hold megabytes
  static constexpr std::chrono::milliseconds kPatience{5'000};

  // `active_calls` counts what gRPC still knows of this loop.
  GrpcLoserReader(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : io_(io), active_calls_(active_calls), replicas_(replicas) {}

  void ReadLosers(const std::string& map, const std::optional<std::string>& key, uint32_t limit,
                  Done done) override;
  void Close();

 private:
  struct Call;  // to one replica
  struct Read;  // to all of them

  void Ask(Replica& replica, const std::shared_ptr<Read>& read);
  void OnAnswer(const Call& call, bool ok);
  void Finish(const std::shared_ptr<Read>& read);

  boost::asio::io_context& io_;
  size_t& active_calls_;
  ReplicaSet& replicas_;
  std::unordered_set<std::shared_ptr<Read>> reads_;
  std::unordered_set<Call*> calls_;  // on their way
  bool closed_ = false;
};

}  // namespace topgun::gateway
