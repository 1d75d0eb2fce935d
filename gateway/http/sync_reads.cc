#include "http/sync_reads.h"

#include <algorithm>
#include <string>
#include <utility>

#include "http/sync_cursor.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

constexpr size_t kReadBytesMin = size_t{64} << 10;

// Live rows of a whole map, until the page is full.
void FillPage(SyncPage& page, const TreeAnswer& answer, int64_t now_ms) {
  if (answer.nodes.empty()) return;
  for (const TreeAnswer::Cell& cell : answer.nodes.front().cells) {
    state::CellView view;
    if (!state::DecodeCell(cell.cell, &view) || !view.Live(now_ms)) continue;
    if (!page.Add(cell.key, view.value)) return;
  }
}

}  // namespace

SyncReads::SyncReads(const SyncOptions& options, const SyncServices& services, ReadGate& gate,
                     const Principal& principal, wire::SyncRequest& request, SyncAnswer& answer)
    : options_(options),
      services_(services),
      gate_(gate),
      principal_(principal),
      request_(request),
      answer_(answer),
      question_(services.tracer.current()) {}

bool SyncReads::MayRead(std::string_view map) const {
  return services_.access.Check(principal_, Action::kRead, map, {}) == Decision::kAllow;
}

void SyncReads::Begin(std::function<void()> done) {
  done_ = std::move(done);
  open_reads_ = 1;  // this function
  DropExcess();
  deltas_.resize(request_.sync_maps.size());
  queries_.resize(request_.queries.size());
  for (size_t i = 0; i < deltas_.size(); ++i) StartDelta(i);
  for (size_t i = 0; i < queries_.size(); ++i) StartQuery(i);
  EndRead();
}

void SyncReads::DropExcess() {
  if (request_.sync_maps.size() > options_.maps_max) {
    answer_.AddError(sync_error::kTooLarge,
                     "syncMaps: more than " + std::to_string(options_.maps_max));
    request_.sync_maps.clear();
  }
  if (request_.queries.size() > options_.queries_max) {
    answer_.AddError(sync_error::kTooLarge,
                     "queries: more than " + std::to_string(options_.queries_max));
    request_.queries.clear();
  }
}

void SyncReads::End() {
  done_ = nullptr;
  wire::SyncResponse& response = answer_.response();
  for (MapDelta& each : deltas_) {
    if (!each.answered) continue;
    response.deltas.push_back(std::move(each.delta.delta));
    response.deltas.back().server_sync_timestamp.node_id = each.delta.node_id;
  }
  for (size_t i = 0; i < queries_.size(); ++i) {
    if (queries_[i].answered) AddQueryResult(i);
  }
}

template <typename Answer, typename Start>
void SyncReads::RunRead(
    std::string_view context, Start start,
    std::function<void(SyncReads&, const std::shared_ptr<const Answer>&)> done) {
  ++open_reads_;
  const auto read = [weak = weak_from_this(), context, start = std::move(start),
                     done = std::move(done)](std::function<void()> release) {
    const auto reader = weak.lock();
    if (!reader) return release();
    // The gate may have kept it until the read of another request had ended.
    const Tracer::Scope scope(reader->services_.tracer, reader->question_);
    start([weak, context, done,
           release = std::move(release)](const StatusOr<std::shared_ptr<const Answer>>& answer) {
      release();
      const auto self = weak.lock();
      if (!self || !self->done_) return;
      answer.ok() ? done(*self, *answer) : self->AddReadError(answer.status(), context);
      self->EndRead();
    });
  };
  if (gate_.Run(read)) return;
  answer_.AddError(sync_error::kUnavailable, std::string(sync_error::kOverloaded), context);
  EndRead();
}

void SyncReads::EndRead() {
  if (--open_reads_ > 0 || !done_) return;
  const auto done = std::exchange(done_, nullptr);
  done();
}

void SyncReads::StartDelta(size_t index) {
  const wire::SyncMapRequest& wish = request_.sync_maps[index];
  if (!MayRead(wish.map)) {
    return answer_.AddError(sync_error::kForbidden, std::string(sync_error::kDenied), wish.map);
  }
  if (std::string problem = wire::ValidateMapName(wish.map, options_.op_limits); !problem.empty()) {
    return answer_.AddError(sync_error::kBadRequest, std::move(problem), wish.map);
  }
  deltas_[index].start = DeltaStartOf(wish.last_sync_timestamp, services_.clock.NowMs());
  ReadDelta(index, deltas_[index].start.since_ms);
}

void SyncReads::ReadDelta(size_t index, int64_t since_ms) {
  const std::string_view map = request_.sync_maps[index].map;
  TreeRequest request{.kind = state::CellKind::kLww,
                      .map = std::string(map),
                      .paths = {""},
                      .cells = true,
                      .committed_since_ms = since_ms};
  RunRead<TreeAnswer>(
      map,
      [&trees = services_.trees, request = std::move(request)](TreeReader::Done done) {
        trees.ReadTree(request, std::move(done));
      },
      [index](SyncReads& self, const auto& answer) { self.OnDelta(index, answer); });
}

void SyncReads::OnDelta(size_t index, const std::shared_ptr<const TreeAnswer>& answer) {
  MapDelta& delta = deltas_[index];
  const std::string_view map = request_.sync_maps[index].map;
  if (IsBeyondHorizon(delta.start, answer->horizon_ms)) {
    answer_.AddError(sync_error::kGone,
                     "removals since the last sync are no longer known: all records follow", map);
    delta.start.since_ms = 0;
    return ReadDelta(index, 0);
  }
  delta.delta = MakeDelta(map, *answer, delta.start, options_.node_id, BytesPerRead());
  for (wire::SyncDeltaRecord& each : delta.delta.delta.records) {
    each.key = answer_.arena().Keep(each.key);
    each.record.value = answer_.arena().Keep(each.record.value);
    each.record.timestamp.node_id = answer_.arena().Keep(each.record.timestamp.node_id);
  }
  delta.answered = true;
}

size_t SyncReads::BytesPerRead() const {
  const size_t reads = std::max<size_t>(1, deltas_.size() + queries_.size());
  return std::min(options_.read_bytes_max,
                  std::max(kReadBytesMin, options_.answer_bytes_max / reads));
}

void SyncReads::StartQuery(size_t index) {
  if (!PrepareQuery(index)) return;
  RunRead<MapSnapshot>(
      request_.queries[index].query_id,
      [&maps = services_.maps, map = std::string(request_.queries[index].map)](
          MapReader::Done done) { maps.Read(map, std::move(done)); },
      [index](SyncReads& self, const auto& snapshot) { self.OnSnapshot(index, snapshot); });
}

bool SyncReads::PrepareQuery(size_t index) {
  const wire::SyncQuery& wish = request_.queries[index];
  const auto refuse = [&](int64_t code, std::string_view message) {
    answer_.AddError(code, std::string(message), wish.query_id);
    return false;
  };
  if (!MayRead(wish.map)) return refuse(sync_error::kForbidden, sync_error::kDenied);
  if (const std::string problem = wire::ValidateMapName(wish.map, options_.op_limits);
      !problem.empty()) {
    return refuse(sync_error::kBadRequest, problem);
  }
  StatusOr<EqualityFilter> filter = EqualityFilter::Parse(wish.filter);
  if (!filter.ok()) return refuse(sync_error::kBadRequest, Message(filter.status()));
  std::optional<std::string> after;
  if (wish.cursor) {
    StatusOr<std::string> key = DecodeCursor({.map = wish.map, .filter = wish.filter}, *wish.cursor,
                                             services_.clock.NowMs());
    if (!key.ok()) return refuse(sync_error::kBadRequest, Message(key.status()));
    after = *std::move(key);
  }
  Query& query = queries_[index];
  query.filter = *std::move(filter);
  const PageLimits limits{.rows_max = options_.rows_max, .bytes_max = BytesPerRead()};
  query.page.emplace(query.filter, limits, wish.limit, wish.offset.value_or(0), std::move(after));
  return true;
}

// The first rows of the map suffice for most queries.
void SyncReads::OnSnapshot(size_t index, const std::shared_ptr<const MapSnapshot>& snapshot) {
  Query& query = queries_[index];
  for (const wire::QueryRow& row : snapshot->rows) {
    if (!query.page->Add(row.key, row.value)) break;
  }
  if (snapshot->has_more && !query.page->has_more()) return ReadWholeMap(index);
  KeepPage(query);
}

void SyncReads::ReadWholeMap(size_t index) {
  const wire::SyncQuery& wish = request_.queries[index];
  TreeRequest request{.kind = state::CellKind::kLww,
                      .map = std::string(wish.map),
                      .paths = {""},
                      .cells = true,
                      .committed_since_ms = 0};
  RunRead<TreeAnswer>(
      wish.query_id,
      [&trees = services_.trees, request = std::move(request)](TreeReader::Done done) {
        trees.ReadTree(request, std::move(done));
      },
      [index](SyncReads& self, const auto& answer) { self.OnWholeMap(index, answer); });
}

void SyncReads::OnWholeMap(size_t index, const std::shared_ptr<const TreeAnswer>& answer) {
  Query& query = queries_[index];
  query.page->Clear();
  FillPage(*query.page, *answer, services_.clock.NowMs());
  KeepPage(query);
}

void SyncReads::KeepPage(Query& query) {
  query.page->Keep(answer_.arena());
  query.answered = true;
}

void SyncReads::AddReadError(const Status& status, std::string_view context) {
  answer_.AddError(sync_error::kUnavailable,
                   "cannot be read at the moment: " + std::string(Message(status)), context);
}

void SyncReads::AddQueryResult(size_t index) {
  const wire::SyncQuery& wish = request_.queries[index];
  const SyncPage& page = *queries_[index].page;
  wire::SyncQueryResult result{
      .query_id = wish.query_id, .results = page.values(), .has_more = {}, .next_cursor = {}};
  if (wish.limit || page.has_more()) result.has_more = page.has_more();
  if (page.has_more() && !page.values().empty()) {
    result.next_cursor = answer_.Own(EncodeCursor({.map = wish.map, .filter = wish.filter},
                                                  page.last_key(), services_.clock.NowMs()));
  }
  answer_.response().query_results.push_back(std::move(result));
}

}  // namespace topgun::gateway
