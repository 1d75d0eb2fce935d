// A connection that syncs one map again and again, each time from the same state: up to date, some
// keys behind, or empty.
//
// Bringing the replica into that state is not timed. A sync whose connection is lost begins anew on
// the next one and counts as unfinished. One io_context and its thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/session.h"
#include "merkle/merkle_report.h"
#include "merkle/merkle_walk.h"
#include "merkle/replica.h"
#include "workload/random.h"

namespace topgun::loadgen {

class MerkleClient final : private Session::Listener, private MerkleWalk::Output {
 public:
  struct Plan {
    std::string map;
    bool is_or = false;
    uint64_t repetitions = 1;
    // What the client lacks at the start of each sync: everything, or `behind` of `keys`; these
    // begin with the newest one.
    bool cold = false;
    uint64_t behind = 0;
    bool newest = false;
    std::vector<std::string> keys;
  };

  // All but `replica` and `on_done` must outlive the client. `on_done` is called once, when all
  // repetitions are over or the server has stopped answering.
  MerkleClient(boost::asio::io_context& io, Session::Options options, Plan plan,
               std::unique_ptr<Replica> replica, RunStats& stats, wire::ServerFrame& decoded,
               MerkleReport& report, std::function<void()> on_done);

  void Connect() { session_.Start(); }
  // The syncs begin as soon as the connection is ready.
  void Start();
  void Disconnect();

  bool ready() const { return session_.ready(); }
  const std::string& refusal() const { return session_.refusal(); }
  const Replica& replica() const { return *replica_; }

 private:
  void OnReady() override;
  void OnFrame(const wire::ServerFrame& frame) override;
  void OnDown() override;
  void Send(std::string_view frame) override { session_.Send({frame}); }

  void Next();
  void FallBehind();
  void Account();
  void AwaitAnswer();
  void Done();

  const Plan plan_;
  const std::unique_ptr<Replica> replica_;
  MerkleReport& report_;
  const std::function<void()> on_done_;
  Session session_;
  MerkleWalk walk_;
  boost::asio::steady_timer timer_;
  Random random_;
  bool started_ = false;
  bool done_ = false;
  uint64_t rest_ = 0;  // repetitions
  int64_t since_ns_ = 0;
};

}  // namespace topgun::loadgen
