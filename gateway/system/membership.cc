#include "system/membership.h"

#include <algorithm>
#include <utility>

#include "logging/logging.h"
#include "state/cell.h"
#include "state/keys.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kComponent = "membership";
// The most that one tick adds to a silence: a process that was stopped has not listened.
constexpr std::chrono::milliseconds kStepMax{500};
// Survivors pass their verdicts one beat after the other, so that usually one of them does.
constexpr int kTurnsMax = 5;

}  // namespace

Membership::Membership(MembershipOptions options, ClusterView& view, MapMirror& nodes,
                       SystemStore& store, CellReader& cells, const WallClock& clock, Probe& probe)
    : options_(std::move(options)),
      view_(view),
      nodes_(nodes),
      store_(store),
      cells_(cells),
      clock_(clock),
      started_ms_(clock.NowMs()),
      probe_(probe) {}

void Membership::Start() {
  if (options_.enabled) nodes_.Observe([this] { OnRows(); });
}

void Membership::OnRows() {
  std::erase_if(peers_, [this](const auto& peer) { return !nodes_.rows().contains(peer.first); });
  std::vector<NodeRow> rows;
  for (const auto& [id, value] : nodes_.rows()) {
    Peer& peer = peers_[id];
    if (peer.value != value) {
      auto row = DecodeNodeRow(id, value);
      if (!row) {
        logging::Warning(kComponent, "row that is no gateway's", {{"id", id}});
        peers_.erase(id);
        continue;
      }
      peer = {.value = value, .row = *std::move(row)};
    }
    rows.push_back(peer.row);
    latest_ms_ = std::max({latest_ms_, peer.row.node.joined_ms, peer.row.departed_ms});
  }
  view_.Update(rows);
  const Peer* const own = Own();
  if (own == nullptr || own->row.alive() || own->row.departed_ms < joined_ms_) return;
  rejoin_ = true;
  next_beat_ = {};
}

void Membership::Tick(Time now) {
  if (!options_.enabled) return;
  Measure(now);
  if (!options_.speaks || leaving_) return;
  Judge();
  if (now >= next_beat_ && !beating_ && nodes_.loaded()) Beat(now);
}

void Membership::Measure(Time now) {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_tick_);
  const auto step =
      last_tick_ == Time() ? std::chrono::milliseconds(0) : std::min(passed, kStepMax);
  if (last_tick_ != Time() && passed >= options_.dead_after) rejoin_ = true;
  last_tick_ = now;
  const bool hears = HearsItself();
  size_t healthy = 0;
  size_t suspect = 0;
  for (auto& [id, peer] : peers_) {
    if (!peer.row.alive()) continue;
    if (hears || id == view_.self().id) peer.silence += step;
    ++(HealthOf(peer) == NodeHealth::kHealthy ? healthy : suspect);
  }
  if (options_.speaks) probe_.ClusterNodes(healthy, suspect);
}

void Membership::Judge() {
  if (!HearsItself()) return;
  int turn = 0;
  for (const auto& [id, peer] : peers_) {
    if (id < view_.self().id && HealthOf(peer) == NodeHealth::kHealthy) ++turn;
  }
  const auto patience = options_.dead_after + options_.beat * std::min(turn, kTurnsMax);
  for (auto& [id, peer] : peers_) {
    if (id == view_.self().id || !peer.row.alive()) continue;
    if (peer.silence >= patience && !peer.asked) Ask(id, peer);
  }
}

// The mirror may lag behind in the one shard of this row.
void Membership::Ask(const std::string& id, Peer& peer) {
  peer.asked = true;
  cells_.ReadCells(std::string(state::kNodeMap), {id},
                   [this, id, known = peer.fresh.empty() ? peer.value : peer.fresh](
                       const auto& cells) { OnAnswer(id, known, cells); });
}

void Membership::OnAnswer(const std::string& id, const std::string& asked_value,
                          const StatusOr<std::vector<std::string>>& cells) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || leaving_) return;
  Peer& peer = found->second;
  if (!peer.asked) return;  // the row has changed meanwhile
  peer.asked = false;
  state::CellView cell;
  if (!cells.ok()) {
    peer.silence = options_.suspect_after;  // asked again later
  } else if (cells->empty() || !state::DecodeCell(cells->front(), &cell) ||
             cell.value != asked_value) {
    peer.silence = {};  // its news are on their way
    peer.fresh = cell.value;
  } else {
    Condemn(id, peer);
  }
}

void Membership::Condemn(const std::string& id, Peer& peer) {
  logging::Warning(kComponent, "gateway gives no sign of life, taken out of the cluster",
                   {{"node", id}, {"silent_ms", peer.silence.count()}});
  peer.silence = options_.suspect_after;  // should the verdict not arrive
  NodeRow row = peer.row;
  row.departure = Departure::kDead;
  row.departed_ms = NextVersion();
  store_.Put(state::kNodeMap, id, EncodeNodeRow(row), kGoneTtlMs, [this](const Status& status) {
    if (status.ok()) probe_.NodeCondemned();
  });
}

void Membership::Beat(Time now) {
  next_beat_ = now + options_.beat;
  if (Superseded()) {
    if (!std::exchange(superseded_, true)) {
      logging::Error(kComponent, "a newer gateway has the same node id, staying out of the cluster",
                     {{"node", view_.self().id}});
    }
    return;
  }
  superseded_ = false;
  if (joined_ms_ == 0 || rejoin_) {
    rejoin_ = false;
    joined_ms_ = NextVersion();
    logging::Info(kComponent, "joining", {{"node", view_.self().id}});
  }
  beating_ = true;
  beat_since_ = now;
  store_.Put(state::kNodeMap, view_.self().id, EncodeNodeRow(OwnRow()), 0,
             [this](const Status& status) { OnBeaten(status); });
}

void Membership::OnBeaten(const Status& status) {
  beating_ = false;
  probe_.Beat(status.ok());
  if (last_tick_ - beat_since_ >= options_.dead_after) rejoin_ = true;
  if (leaving_) Depart();
}

void Membership::Leave() {
  if (std::exchange(leaving_, true)) return;
  left_ = false;
  if (joined_ms_ == 0) {
    left_ = true;
  } else if (!beating_) {
    Depart();  // else a beat on its way would follow the departure
  }
}

void Membership::Return() {
  if (!std::exchange(leaving_, false)) return;
  rejoin_ = true;
  next_beat_ = {};
}

void Membership::Depart() {
  if (Superseded()) {
    left_ = true;  // the row is another process'
    return;
  }
  NodeRow row = OwnRow();
  row.departure = Departure::kLeft;
  row.departed_ms = NextVersion();
  store_.Put(state::kNodeMap, view_.self().id, EncodeNodeRow(row), kGoneTtlMs,
             [this](const Status& status) {
               left_ = true;
               if (status.ok()) return;
               logging::Warning(kComponent, "the others could not be told of our end",
                                {{"reason", Message(status)}});
             });
}

std::vector<Member> Membership::Members() const {
  std::vector<Member> members;
  if (!options_.enabled) {
    members.push_back({.row = OwnRow()});
    return members;
  }
  for (const auto& [id, peer] : peers_) {
    if (peer.row.departure == Departure::kLeft) continue;
    members.push_back({.row = peer.row, .health = HealthOf(peer)});
  }
  return members;
}

NodeRow Membership::OwnRow() const {
  NodeRow row;
  row.node = view_.self();
  row.node.joined_ms = joined_ms_;
  if (options_.report) row.report = options_.report();
  row.report.started_ms = started_ms_;
  row.report.beat_ms = clock_.NowMs();
  return row;
}

const Membership::Peer* Membership::Own() const {
  const auto found = peers_.find(view_.self().id);
  return found == peers_.end() ? nullptr : &found->second;
}

// Another process, started later, gives signs of life under our id: this one is a leftover. A row
// that does not change is one of an earlier process.
bool Membership::Superseded() const {
  const Peer* const own = Own();
  return own != nullptr && own->row.report.started_ms > started_ms_ &&
         HealthOf(*own) == NodeHealth::kHealthy;
}

bool Membership::HearsItself() const {
  const Peer* const own = Own();
  return own != nullptr && nodes_.current() && HealthOf(*own) == NodeHealth::kHealthy;
}

NodeHealth Membership::HealthOf(const Peer& peer) const {
  if (!peer.row.alive()) return NodeHealth::kDead;
  return peer.silence < options_.suspect_after ? NodeHealth::kHealthy : NodeHealth::kSuspect;
}

int64_t Membership::NextVersion() const {
  return std::max({clock_.NowMs(), latest_ms_ + 1, view_.map().version + 1});
}

}  // namespace topgun::gateway
