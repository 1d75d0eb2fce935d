#include "http/sync_exchange.h"

#include <algorithm>
#include <utility>

#include "http/sync_cursor.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kBadRequest = 400;
constexpr int64_t kForbidden = 403;
constexpr int64_t kConflict = 409;
constexpr int64_t kGone = 410;
constexpr int64_t kTooLarge = 413;
constexpr int64_t kTooMany = 429;
constexpr int64_t kUnavailable = 503;
constexpr size_t kReadBytesMin = size_t{64} << 10;
constexpr size_t kReasonsMax = 100;  // entries about single operations
constexpr std::string_view kDenied = "access denied";
constexpr std::string_view kPoliciesUnknown = "access policies are not known yet, try again later";
constexpr std::string_view kOverloaded = "server overloaded, try again later";

HttpResponse MessagePack(std::string body) {
  return {
      .status = 200, .content_type = "application/msgpack", .body = std::move(body), .headers = {}};
}

std::string_view IdOf(const wire::Op& op) { return op.has_id ? op.id : std::string_view(); }

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

SyncExchange::SyncExchange(const SyncOptions& options, const SyncServices& services, ReadGate& gate,
                           crdt::HybridLogicalClock& hlc, Principal principal, std::string body,
                           Respond respond)
    : options_(options),
      services_(services),
      gate_(gate),
      hlc_(hlc),
      principal_(std::move(principal)),
      body_(std::move(body)),
      respond_(std::move(respond)) {}

void SyncExchange::Begin(Time now) {
  access_deadline_ = now + options_.access_patience;
  deadline_ = now + options_.patience;
  if (!Decode()) return;
  hlc_.Observe(request_.client_hlc);
  if (AccessKnown()) Write();
}

bool SyncExchange::Decode() {
  if (body_.empty()) return true;
  const wire::DecodeResult decoded = wire::DecodeSyncRequest(body_, request_);
  if (decoded.ok()) return true;
  std::string message = "invalid MsgPack body: " + std::string(wire::Name(decoded.error));
  if (!decoded.field.empty()) message.append(" ").append(decoded.field);
  phase_ = Phase::kDone;
  respond_(JsonError(static_cast<int>(kBadRequest), message));
  return false;
}

void SyncExchange::Tick(Time now) {
  if (phase_ == Phase::kAccess && AccessKnown()) return Write();
  if (phase_ == Phase::kAccess && now >= access_deadline_) {
    // What is not known to be forbidden is not refused for good.
    AddError(kUnavailable, std::string(kPoliciesUnknown));
    return Finish();
  }
  if (phase_ == Phase::kDone || now < deadline_) return;
  AddError(kUnavailable,
           "operation timed out after " + std::to_string(options_.patience.count()) + "ms");
  Finish();
}

// ---- Access ----

Decision SyncExchange::MayWrite(const wire::Op& op) const {
  return services_.access.Check(principal_, Action::kWrite, op.map, op.value);
}

Decision SyncExchange::MayRead(std::string_view map) const {
  return services_.access.Check(principal_, Action::kRead, map, {});
}

bool SyncExchange::AccessKnown() const {
  return services_.access.state() != AccessControl::State::kUnknown;
}

// ---- Writes ----

void SyncExchange::Write() {
  phase_ = Phase::kWriting;
  if (request_.operations.size() > options_.operations_max) {
    AddError(kTooLarge, "operations: more than " + std::to_string(options_.operations_max));
    return Read();
  }
  std::vector<wire::Op> accepted;
  for (size_t i = 0; i < request_.operations.size(); ++i) {
    int64_t code = 0;
    std::string reason = RefusalOf(i, &code);
    if (reason.empty()) {
      wire::Op& op = accepted.emplace_back(request_.operations[i]);
      op.write_concern.reset();
      op.timeout_ms.reset();
      written_.push_back(i);
    } else if (response_.errors.size() < kReasonsMax) {
      AddError(code, std::move(reason), IdOf(request_.operations[i]));
    }
  }
  if (accepted.empty()) return OnWritten({});
  // Nobody is left out of the news: there is no connection that knows them already.
  services_.writes.Write(accepted, {},
                         [weak = weak_from_this()](std::span<const OpOutcome> outcomes) {
                           if (const auto self = weak.lock()) self->OnWritten(outcomes);
                         });
}

std::string SyncExchange::RefusalOf(size_t index, int64_t* code) const {
  const wire::Op& op = request_.operations[index];
  std::string reason = wire::ValidateOp(op, options_.op_limits);
  if (!reason.empty()) {
    *code = kBadRequest;
    // The decoder has already said where.
    const bool one_of_many = op.error.empty() && request_.operations.size() > 1;
    return one_of_many ? "ops[" + std::to_string(index) + "]." + reason : reason;
  }
  if (MayWrite(op) == Decision::kAllow) return {};
  *code = kForbidden;
  return "write access denied for map: " + std::string(op.map);
}

void SyncExchange::OnWritten(std::span<const OpOutcome> outcomes) {
  if (phase_ != Phase::kWriting) return;
  bool overloaded = false;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == OpOutcome::kOverloaded) overloaded = true;
    if (outcomes[i] == OpOutcome::kRejected && response_.errors.size() < kReasonsMax) {
      AddError(kConflict, "operation rejected: older than what is kept",
               IdOf(request_.operations[written_[i]]));
    }
  }
  if (overloaded) AddError(kTooMany, std::string(kOverloaded));
  if (response_.errors.empty() && !request_.operations.empty()) Acknowledge();
  Read();
}

// The id of the last operation stands for all: every one has been applied.
void SyncExchange::Acknowledge() {
  wire::OpAckFrame ack{.last_id = "unknown", .achieved_level = {}, .results = {}};
  for (const wire::Op& op : request_.operations) {
    if (op.has_id) ack.last_id = op.id;
    if (op.has_id && op.write_concern > wire::WriteConcern::kApplied) {
      ack.results.push_back({.op_id = op.id,
                             .success = false,
                             .achieved_level = wire::WriteConcern::kApplied,
                             .error = "not waited for over HTTP"});
    }
  }
  response_.ack = std::move(ack);
}

// ---- Reads ----

void SyncExchange::Read() {
  phase_ = Phase::kReading;
  open_reads_ = 1;  // this function
  if (request_.sync_maps.size() > options_.maps_max) {
    AddError(kTooLarge, "syncMaps: more than " + std::to_string(options_.maps_max));
    request_.sync_maps.clear();
  }
  if (request_.queries.size() > options_.queries_max) {
    AddError(kTooLarge, "queries: more than " + std::to_string(options_.queries_max));
    request_.queries.clear();
  }
  deltas_.resize(request_.sync_maps.size());
  queries_.resize(request_.queries.size());
  for (size_t i = 0; i < deltas_.size(); ++i) StartDelta(i);
  for (size_t i = 0; i < queries_.size(); ++i) StartQuery(i);
  EndRead();
}

template <typename Answer, typename Start>
void SyncExchange::RunRead(
    std::string_view context, Start start,
    std::function<void(SyncExchange&, const std::shared_ptr<const Answer>&)> done) {
  ++open_reads_;
  const auto read = [weak = weak_from_this(), context, start = std::move(start),
                     done = std::move(done)](std::function<void()> release) {
    if (weak.expired()) return release();
    start([weak, context, done,
           release = std::move(release)](const StatusOr<std::shared_ptr<const Answer>>& answer) {
      release();
      const auto self = weak.lock();
      if (!self || self->phase_ != Phase::kReading) return;
      answer.ok() ? done(*self, *answer) : self->AddReadError(answer.status(), context);
      self->EndRead();
    });
  };
  if (gate_.Run(read)) return;
  AddError(kUnavailable, std::string(kOverloaded), context);
  EndRead();
}

void SyncExchange::EndRead() {
  if (--open_reads_ == 0) Finish();
}

void SyncExchange::StartDelta(size_t index) {
  const wire::SyncMapRequest& wish = request_.sync_maps[index];
  if (MayRead(wish.map) != Decision::kAllow) {
    return AddError(kForbidden, std::string(kDenied), wish.map);
  }
  if (std::string problem = wire::ValidateMapName(wish.map, options_.op_limits); !problem.empty()) {
    return AddError(kBadRequest, std::move(problem), wish.map);
  }
  deltas_[index].start = DeltaStartOf(wish.last_sync_timestamp, services_.clock.NowMs());
  ReadDelta(index, deltas_[index].start.since_ms);
}

void SyncExchange::ReadDelta(size_t index, int64_t since_ms) {
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
      [index](SyncExchange& self, const auto& answer) { self.OnDelta(index, answer); });
}

void SyncExchange::OnDelta(size_t index, const std::shared_ptr<const TreeAnswer>& answer) {
  MapDelta& delta = deltas_[index];
  const std::string_view map = request_.sync_maps[index].map;
  if (IsBeyondHorizon(delta.start, answer->horizon_ms)) {
    AddError(kGone, "removals since the last sync are no longer known: all records follow", map);
    delta.start.since_ms = 0;
    return ReadDelta(index, 0);
  }
  delta.delta = MakeDelta(map, *answer, delta.start, options_.node_id, BytesPerRead());
  for (wire::SyncDeltaRecord& each : delta.delta.delta.records) {
    each.key = arena_.Keep(each.key);
    each.record.value = arena_.Keep(each.record.value);
    each.record.timestamp.node_id = arena_.Keep(each.record.timestamp.node_id);
  }
  delta.answered = true;
}

size_t SyncExchange::BytesPerRead() const {
  const size_t reads = std::max<size_t>(1, deltas_.size() + queries_.size());
  return std::min(options_.read_bytes_max,
                  std::max(kReadBytesMin, options_.answer_bytes_max / reads));
}

void SyncExchange::StartQuery(size_t index) {
  if (!PrepareQuery(index)) return;
  RunRead<MapSnapshot>(
      request_.queries[index].query_id,
      [&maps = services_.maps, map = std::string(request_.queries[index].map)](
          MapReader::Done done) { maps.Read(map, std::move(done)); },
      [index](SyncExchange& self, const auto& snapshot) { self.OnSnapshot(index, snapshot); });
}

bool SyncExchange::PrepareQuery(size_t index) {
  const wire::SyncQuery& wish = request_.queries[index];
  const auto refuse = [&](int64_t code, std::string_view message) {
    AddError(code, std::string(message), wish.query_id);
    return false;
  };
  if (MayRead(wish.map) != Decision::kAllow) return refuse(kForbidden, kDenied);
  if (const std::string problem = wire::ValidateMapName(wish.map, options_.op_limits);
      !problem.empty()) {
    return refuse(kBadRequest, problem);
  }
  StatusOr<EqualityFilter> filter = EqualityFilter::Parse(wish.filter);
  if (!filter.ok()) return refuse(kBadRequest, Message(filter.status()));
  std::optional<std::string> after;
  if (wish.cursor) {
    StatusOr<std::string> key = DecodeCursor({.map = wish.map, .filter = wish.filter}, *wish.cursor,
                                             services_.clock.NowMs());
    if (!key.ok()) return refuse(kBadRequest, Message(key.status()));
    after = *std::move(key);
  }
  Query& query = queries_[index];
  query.filter = *std::move(filter);
  const PageLimits limits{.rows_max = options_.rows_max, .bytes_max = BytesPerRead()};
  query.page.emplace(query.filter, limits, wish.limit, wish.offset.value_or(0), std::move(after));
  return true;
}

// The first rows of the map suffice for most queries.
void SyncExchange::OnSnapshot(size_t index, const std::shared_ptr<const MapSnapshot>& snapshot) {
  Query& query = queries_[index];
  for (const wire::QueryRow& row : snapshot->rows) {
    if (!query.page->Add(row.key, row.value)) break;
  }
  if (snapshot->has_more && !query.page->has_more()) return ReadWholeMap(index);
  KeepPage(query);
}

void SyncExchange::ReadWholeMap(size_t index) {
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
      [index](SyncExchange& self, const auto& answer) { self.OnWholeMap(index, answer); });
}

void SyncExchange::OnWholeMap(size_t index, const std::shared_ptr<const TreeAnswer>& answer) {
  Query& query = queries_[index];
  query.page->Clear();
  FillPage(*query.page, *answer, services_.clock.NowMs());
  KeepPage(query);
}

void SyncExchange::KeepPage(Query& query) {
  query.page->Keep(arena_);
  query.answered = true;
}

// ---- Answer ----

void SyncExchange::AddError(int64_t code, std::string message, std::string_view context) {
  wire::SyncError error{
      .code = code, .message = texts_.emplace_back(std::move(message)), .context = {}};
  if (!context.empty()) error.context = context;
  response_.errors.push_back(error);
}

void SyncExchange::AddReadError(const Status& status, std::string_view context) {
  AddError(kUnavailable, "cannot be read at the moment: " + std::string(Message(status)), context);
}

void SyncExchange::AddQueryResult(size_t index) {
  const wire::SyncQuery& wish = request_.queries[index];
  const SyncPage& page = *queries_[index].page;
  wire::SyncQueryResult result{
      .query_id = wish.query_id, .results = page.values(), .has_more = {}, .next_cursor = {}};
  if (wish.limit || page.has_more()) result.has_more = page.has_more();
  if (page.has_more() && !page.values().empty()) {
    result.next_cursor = texts_.emplace_back(EncodeCursor(
        {.map = wish.map, .filter = wish.filter}, page.last_key(), services_.clock.NowMs()));
  }
  response_.query_results.push_back(std::move(result));
}

void SyncExchange::Finish() {
  phase_ = Phase::kDone;
  for (MapDelta& each : deltas_) {
    if (!each.answered) continue;
    response_.deltas.push_back(std::move(each.delta.delta));
    response_.deltas.back().server_sync_timestamp.node_id = each.delta.node_id;
  }
  for (size_t i = 0; i < queries_.size(); ++i) {
    if (queries_[i].answered) AddQueryResult(i);
  }
  const crdt::Timestamp now = hlc_.Tick();
  response_.server_hlc = now.view();
  std::string body;
  wire::EncodeSyncResponse(response_, body);
  respond_(MessagePack(std::move(body)));
}

}  // namespace topgun::gateway
