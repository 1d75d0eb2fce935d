// A connection that holds an unfiltered query on maps and watches what others write: it times the
// propagation of events and, for the verification, notes every tag of OR maps that it sees or keeps
// what its queries of LWW maps show.
//
// Owned by a Worker; its thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/session.h"
#include "driver/run_context.h"
#include "stats/run_stats.h"
#include "verify/compare.h"
#include "verify/sighting.h"

namespace topgun::loadgen {

class Subscriber final : private Session::Listener {
 public:
  // All must outlive the subscriber. `sightings` may be null. `connection` numbers it among all.
  Subscriber(boost::asio::io_context& io, const RunContext& context, uint32_t connection,
             std::vector<uint32_t> maps, RunStats& stats, wire::ServerFrame& decoded,
             Sightings* sightings);

  // From now on it stops reading as soon as it is subscribed: a slow consumer.
  void BecomeSlow() { slow_ = true; }

  void Connect() { session_.Start(); }
  void Disconnect() { session_.Stop(); }

  // From now on it keeps what its queries show, for the verification.
  void KeepRows() { rows_.emplace(maps_.size()); }
  // Null unless it was told to. Only its LWW maps have rows.
  const LiveRows* rows() const { return rows_ ? &*rows_ : nullptr; }
  uint64_t row_changes() const { return row_changes_; }

  // All snapshots have arrived: every later change will be seen.
  bool subscribed() const { return session_.ready() && snapshots_missing_ == 0; }
  const std::string& refusal() const { return session_.refusal(); }

 private:
  void OnReady() override;
  void OnFrame(const wire::ServerFrame& frame) override;
  void OnDown() override;
  void OnEvent(const wire::EventView& event);
  void OnSnapshot(const wire::QueryRespFrame& snapshot);
  void OnUpdate(const wire::QueryUpdateFrame& update);
  LwwRows* RowsOf(std::string_view query_id);
  void Sight(std::string_view tag, bool removed);

  const RunContext& context_;
  const std::vector<uint32_t> maps_;
  RunStats& stats_;
  Sightings* const sightings_;
  Session session_;
  size_t snapshots_missing_ = 0;
  std::optional<LiveRows> rows_;  // by index in maps_
  uint64_t row_changes_ = 0;
  bool slow_ = false;
};

}  // namespace topgun::loadgen
