// Asks the nodes of a Redis Cluster, or Sentinels, where the primaries are.
//
// Every question goes to the next candidate, on a connection of its own: nobody is believed for
// long, and whoever is dead costs one question. Candidates are the configured addresses and, of a
// cluster, the nodes the last answer named. A node that calls its cluster broken is not believed:
// it may be alone on its side of a network.
//
// Loop thread only. Owned by a Client. Limits: one question at a time, each at most kPatience.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "redis/connection.h"
#include "redis/topology.h"
#include "slot_table.h"

namespace topgun::redis {

class TopologyReader {
 public:
  using Callback = std::function<void(const StatusOr<SlotTable>& table)>;

  // `connection`: of each question; its address is not used.
  TopologyReader(boost::asio::io_context& io, Topology topology, ConnectionOptions connection);

  // Calls back later, unless it is closed before.
  void Ask(Callback callback);
  void Close();

 private:
  void OnConnected();
  void AskNode();
  void AskSentinel();
  void Finish(StatusOr<SlotTable> table);

  boost::asio::io_context& io_;
  const Topology topology_;
  const ConnectionOptions options_;
  std::vector<std::string> candidates_;
  size_t next_ = 0;
  std::string asked_;
  std::unique_ptr<Connection> connection_;  // of the question in hand
  Status cluster_state_;
  Callback callback_;
};

}  // namespace topgun::redis
