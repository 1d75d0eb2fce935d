#include "live/live_queries.h"

#include <string>
#include <utility>

#include "dispatch/connection.h"
#include "state/cell.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

LiveQueries::LiveQueries(const LiveQueryOptions& options, MapReader& reader, Probe& probe,
                         metrics::Registry& registry, const WallClock& clock)
    : reader_(reader),
      live_probe_(registry),
      share_{.options = options, .probe = probe, .live_probe = live_probe_, .clock = clock},
      line_(options.reads_max) {}

bool LiveQueries::Add(uint64_t serial, Connection& connection, const wire::QuerySubFrame& frame,
                      query::Query query, Tracer::QuestionPtr question) {
  if (!share_.queries.Fits(QuerySpec::CostOf(frame))) {
    live_probe_.Refused(QueryRefusal::kText);
    return false;
  }
  auto member = std::make_unique<LiveMember>();
  member->connection = &connection;
  member->query_id.assign(frame.query_id);
  std::string prefix;
  wire::EncodeQueryUpdatePrefix(frame.query_id, prefix);
  member->prefix = std::make_shared<const std::string>(std::move(prefix));
  member->spec = std::make_shared<const QuerySpec>(frame, std::move(query), share_.clock.NowMs(),
                                                   share_.queries);
  // A cursor may have expired since the others began.
  const auto same = by_identity_.find(member->spec->identity());
  if (same != by_identity_.end() && member->spec->answerable()) member->spec = same->second->spec();
  member->question = std::move(question);
  members_.emplace(serial, std::move(member));
  return true;
}

void LiveQueries::Begin(uint64_t serial) {
  LiveMember& member = *members_.find(serial)->second;
  if (!member.spec->answerable()) return RefuseCursor(member, share_.probe.tracer());
  LiveQuery& query = QueryOf(member.spec);
  query.Join(member, now_);
  Schedule(query);
}

void LiveQueries::RefuseCursor(LiveMember& member, Tracer& tracer) {
  wire::QueryRespFrame resp;
  resp.query_id = member.query_id;
  resp.cursor_status = query::Name(member.spec->cursor_status());
  std::string frame;
  wire::EncodeQueryResp(resp, frame);
  member.connection->session().Reply(std::move(frame));
  if (member.question != nullptr) tracer.Answered(*std::exchange(member.question, nullptr));
}

LiveQuery& LiveQueries::QueryOf(const std::shared_ptr<const QuerySpec>& spec) {
  const auto found = by_identity_.find(spec->identity());
  if (found != by_identity_.end()) return *found->second;
  const uint64_t id = ++last_id_;
  LiveQuery& query =
      *queries_.emplace(id, std::make_unique<LiveQuery>(id, spec, share_)).first->second;
  by_identity_.emplace(spec->identity(), &query);
  by_map_[spec->map()].push_back(&query);
  live_probe_.Queries(1);
  return query;
}

void LiveQueries::Suspend(uint64_t serial) { Detach(*members_.find(serial)->second); }

void LiveQueries::End(uint64_t serial) {
  const auto found = members_.find(serial);
  if (found == members_.end()) return;
  Detach(*found->second);
  members_.erase(found);
}

void LiveQueries::Detach(LiveMember& member) {
  if (member.query == nullptr) return;
  LiveQuery& query = *member.query;
  query.Leave(member);
  if (query.empty()) Destroy(query);
}

// A read that is on its way for it ends unheard.
void LiveQueries::Destroy(LiveQuery& query) {
  const auto of_map = by_map_.find(query.spec()->map());
  std::erase(of_map->second, &query);
  if (of_map->second.empty()) by_map_.erase(of_map);
  by_identity_.erase(query.spec()->identity());
  expiring_.erase(query.id());
  queries_.erase(query.id());
  live_probe_.Queries(-1);
}

void LiveQueries::OnChange(const Change& change) {
  const auto found = by_map_.find(change.map);
  if (found == by_map_.end()) return;
  state::CellView cell;
  if (!state::DecodeCell(change.cell, &cell)) return;
  const bool live = cell.Live(share_.clock.NowMs());
  size_t evaluated = 0;
  for (LiveQuery* const query : found->second) {
    if (!query->OnChange(change, live ? &cell : nullptr)) continue;
    ++evaluated;
    Schedule(*query);
    if (query->expiring()) expiring_.insert(query->id());
  }
  live_probe_.Evaluated(evaluated);
}

void LiveQueries::OnGap() {
  gap_ = true;
  for (const auto& [id, query] : queries_) query->OnGap(now_);
}

void LiveQueries::OnProgress() {
  if (!std::exchange(gap_, false)) return;
  for (const auto& [id, query] : queries_) Schedule(*query);
}

void LiveQueries::Schedule(LiveQuery& query) {
  if (!query.wants_read()) return;
  const Time at = query.read_at();
  if (at > now_) return line_.EnterAt(query.id(), at);
  line_.Enter(query.id());
  StartReads();
}

void LiveQueries::StartReads() {
  while (const auto id = line_.Begin()) {
    const auto found = queries_.find(*id);
    if (found != queries_.end() && found->second->wants_read()) {
      StartRead(*found->second);
    } else {
      line_.End();
    }
  }
}

void LiveQueries::StartRead(LiveQuery& query) {
  const Tracer::Scope scope(share_.probe.tracer(), query.BeginRead(now_));
  const QuerySpec& spec = *query.spec();
  reader_.ReadQuery(spec.map(), spec.ForReading(), spec.rows_to_read(),
                    [this, id = query.id()](const auto& snapshot) { OnRead(id, snapshot); });
}

void LiveQueries::OnRead(uint64_t id, const StatusOr<LiveQuery::Snapshot>& snapshot) {
  share_.probe.SnapshotRead(snapshot.ok());
  line_.End();
  if (const auto found = queries_.find(id); found != queries_.end()) {
    LiveQuery& query = *found->second;
    query.EndRead(snapshot, now_);
    Schedule(query);
    if (query.expiring()) expiring_.insert(id);
  }
  StartReads();
}

void LiveQueries::Tick(Time now) {
  now_ = now;
  HideExpired();
  line_.Advance(now);
  StartReads();
  line_.ForEach([this, now](uint64_t id) {
    const auto found = queries_.find(id);
    if (found != queries_.end()) found->second->CheckPatience(now);
  });
  Report();
}

void LiveQueries::HideExpired() {
  size_t left = share_.options.expired_per_tick;
  for (auto it = expiring_.begin(); it != expiring_.end();) {
    LiveQuery& query = *queries_.find(*it)->second;
    left -= query.HideExpired(left, now_);
    Schedule(query);
    const auto here = it++;
    if (!query.expiring()) expiring_.erase(here);
  }
}

void LiveQueries::Report() {
  const auto delta = [](size_t now, size_t& reported) {
    return static_cast<int64_t>(now) - static_cast<int64_t>(std::exchange(reported, now));
  };
  live_probe_.RowBytes(delta(share_.results.bytes, row_bytes_reported_));
  live_probe_.TextBytes(delta(share_.queries.bytes, text_bytes_reported_));
  live_probe_.ReadsWaiting(delta(line_.waiting(), waiting_reported_));
  share_.probe.Expiring(delta(share_.expiries.rows, expiring_reported_));
  live_probe_.Blind(share_.results.blind_sets -
                    std::exchange(blind_reported_, share_.results.blind_sets));
}

}  // namespace topgun::gateway
