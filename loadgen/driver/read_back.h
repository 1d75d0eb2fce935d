// Reads the state of all maps back over a connection of its own, after the writers are done.
//
// LWW maps through the snapshot of an unfiltered query. OR maps, which have no snapshot, through a
// Merkle walk from an empty client (core.md 7.6); against a server without it the sightings of the
// live observer have to do. Runs on the calling thread, with its own event loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "client/session.h"
#include "driver/run_context.h"
#include "stats/run_stats.h"
#include "verify/compare.h"

namespace topgun::loadgen {

class ReadBack final : private Session::Listener {
 public:
  // All must outlive the object. `observed`: what the live observer saw.
  ReadBack(const RunContext& context, const Ledger& ledger, const Sightings& observed);

  // Blocks until everything is compared or a step has timed out.
  VerifyReport Run();

 private:
  void OnReady() override;
  void OnFrame(const wire::ServerFrame& frame) override;

  void NextMap();
  void Ask();
  void Await(std::chrono::milliseconds timeout);
  void OnTimeout();
  void GiveUp(const std::string& reason);
  void Finish();

  void OnSnapshot(const wire::QueryRespFrame& snapshot);
  void RequestBucket(const std::string& path);
  void OnBuckets(const wire::SyncBucketsFrame& buckets);
  void OnLeaf(const wire::OrMapLeafFrame& leaf);
  void OnBucketDone();

  const RunContext& context_;
  const Ledger& ledger_;
  const Sightings& observed_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_;
  RunStats stats_;
  wire::ServerFrame decoded_;
  Session session_;
  uint32_t map_ = 0;
  bool done_ = false;
  bool walk_works_ = false;  // some server answer to a Merkle request has been seen
  bool walk_unavailable_ = false;
  size_t buckets_missing_ = 0;
  Sightings walked_;
  VerifyReport report_;
};

}  // namespace topgun::loadgen
