// LiveQuery: reads. One answers all members that wait; what differs from what the others have on
// show is told to them as changes.
#include <algorithm>
#include <deque>
#include <utility>

#include "absl/hash/hash.h"
#include "dispatch/connection.h"
#include "dispatch/error_codes.h"
#include "live/known_keys.h"
#include "live/live_query.h"
#include "live/ranked_window.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

struct LiveQuery::Answer {
  wire::QueryRespFrame frame;      // its id is the member's
  std::deque<std::string> values;  // what its rows point into, if not into the snapshot
  std::string cursor;
  std::unique_ptr<ResultSet> fresh;  // null: it is not to be followed, or cannot be
};

Tracer::QuestionPtr LiveQuery::BeginRead(Time now) {
  Tracer::QuestionPtr question;  // one of those that the read is for
  for (LiveMember* const member : members_) {
    if (member->stage != Stage::kWaiting) continue;
    member->stage = Stage::kReading;
    if (member->question != nullptr) question = member->question;
  }
  waiting_ = 0;
  waiting_since_.reset();
  refresh_ = false;
  reading_ = true;
  stale_ = false;
  read_began_ = now;
  DropKept();
  return question;
}

void LiveQuery::EndRead(const StatusOr<Snapshot>& snapshot, Time now) {
  reading_ = false;
  if (!snapshot.ok() || stale_) {
    Retry(snapshot.status(), now);
  } else {
    failures_ = 0;
    refresh_at_ =
        now + std::max<Time::duration>(share_.options.refresh_every,
                                       share_.options.refresh_pause * (now - read_began_));
    HideExpired(share_.options.expired_per_tick, now);
    Settle(**snapshot);
  }
  DropKept();
}

void LiveQuery::Keep(const Change& change, const RowChange& row, std::optional<double> expires_ms) {
  Kept& kept = kept_.emplace_back();
  kept.shard = change.shard;
  kept.position = change.position;
  kept.origin.assign(change.origin);
  kept.key.assign(row.key);
  kept.rank.assign(row.rank);
  kept.value.assign(row.value);
  kept.selected = row.selected;
  kept.was_live = row.was_live;
  kept.expires_ms = expires_ms;
  kept_bytes_ += sizeof kept + kept.key.size() + kept.rank.size() + kept.value.size();
  if (kept_bytes_ <= share_.options.kept_bytes_max) return;
  // Reading again is cheaper than keeping any number of changes.
  share_.live_probe.Again(ReadAgain::kKept);
  stale_ = true;
  DropKept();
}

void LiveQuery::DropKept() {
  kept_ = {};
  kept_bytes_ = 0;
}

void LiveQuery::CheckPatience(Time now) {
  if (!waiting_since_ || now - *waiting_since_ <= share_.options.wait_limit) return;
  Fail(Stage::kWaiting);
  waiting_since_ = now;
}

void LiveQuery::Retry(const Status& status, Time now) {
  if (!stale_ && status.code() == StatusCode::kInvalidArgument) return Refuse(status);
  if (!status.ok()) {
    Fail(Stage::kReading);
    const auto pause = share_.options.read_retry * (int64_t{1} << std::min(failures_++, 10));
    retry_at_ = now + std::min(pause, share_.options.read_retry_max);
  }
  bool waited_for = false;
  for (LiveMember* const member : members_) {
    if (member->stage != Stage::kReading) continue;
    MakeWait(*member, now);
    waited_for = true;
  }
  refresh_ = refresh_ || !waited_for;
}

void LiveQuery::Fail(Stage stage) {
  for (LiveMember* const member : members_) {
    if (member->stage != stage) continue;
    member->connection->writes().SendError(
        kUnavailable, "map cannot be read at the moment, still trying: " + spec_->map());
  }
}

// The sync service does not understand the query, although we do.
void LiveQuery::Refuse(const Status& status) {
  for (LiveMember* const member : members_) {
    if (member->stage != Stage::kReading) continue;
    member->stage = Stage::kDone;
    member->connection->RefuseQuery(member->query_id, member->live, Message(status));
    if (member->question != nullptr) {
      share_.probe.tracer().Answered(*std::exchange(member->question, nullptr), status);
    }
  }
}

std::unique_ptr<ResultSet> LiveQuery::NewSet() const {
  switch (liveness()) {
    case Liveness::kKeys:
      return std::make_unique<KnownKeys>(share_.options.keys_max, share_.results);
    case Liveness::kWindow:
    case Liveness::kGroups:
      return std::make_unique<RankedWindow>(spec_->limit().value_or(query::Query::kRowsMax),
                                            spec_->reserve(), share_.results);
    case Liveness::kNever:
      break;
  }
  return nullptr;
}

void LiveQuery::Prepare(const MapSnapshot& snapshot, Answer& answer) {
  answer.fresh = NewSet();
  const query::Query& query = spec_->query();
  const size_t count = snapshot.rows.size();
  const size_t page = std::min(spec_->limit().value_or(count), count);
  answer.frame.has_more = snapshot.has_more || page < count;
  answer.frame.cursor_status = query::Name(spec_->cursor_status());
  answer.frame.results.reserve(page);
  for (size_t i = 0; i < count; ++i) {
    const auto& [key, record] = snapshot.rows[i];
    std::string_view value = record;
    if (!query.projection().empty()) {
      if (i > page) answer.values.pop_back();  // of the reserve: it was copied
      std::string& shown = answer.values.emplace_back();
      query.projection().Append(record, shown);
      value = shown;
    }
    if (spec_->wants_ranks()) {
      rank_.clear();
      query.order().AppendRank(key, record, rank_);
    }
    if (answer.fresh != nullptr && !answer.fresh->Add(rank_, key, value)) answer.fresh.reset();
    if (i < page) answer.frame.results.push_back({key, value});
    if (i + 1 == page && spec_->limit() && answer.frame.has_more) {
      answer.cursor = query::EncodeCursor(
          {.after = rank_, .fingerprint = query.fingerprint(), .issued_ms = share_.clock.NowMs()});
      answer.frame.next_cursor = answer.cursor;
    }
  }
  if (answer.fresh != nullptr) answer.fresh->Complete(snapshot.has_more);
}

void LiveQuery::Settle(const MapSnapshot& snapshot) {
  const ResultLoan loan(share_.results, shown_ != nullptr ? shown_->bytes() : 0);
  Answer answer;
  Prepare(snapshot, answer);
  // Perhaps there was no memory to follow it the last time.
  if (answer.fresh != nullptr) Move(Stage::kDone, Stage::kReading);
  const auto positions = std::make_shared<const std::vector<state::Position>>(snapshot.positions);
  Reply(answer, positions);
  if (answer.fresh == nullptr) return DropUnseen();

  positions_ = positions;
  const bool others = HasStage(Stage::kSettled);
  // Of keys, the others may have more on show than the snapshot lists.
  if (!others || liveness() != Liveness::kKeys) expiries_.Clear();
  LearnExpiries(*answer.fresh, snapshot);
  Replay(*answer.fresh);
  if (others) Succeed(*answer.fresh);
  Move(Stage::kReading, Stage::kSettled);
  shown_ = std::move(answer.fresh);
  if (liveness() == Liveness::kWindow) refresh_ = false;
  if (shown_->failed()) return Freeze();
  CheckReserve();
}

// To all that the read was for.
void LiveQuery::Reply(Answer& answer, const Positions& positions) {
  const bool lacks_memory = answer.fresh == nullptr && liveness() != Liveness::kNever;
  for (LiveMember* const member : members_) {
    if (member->stage != Stage::kReading) continue;
    answer.frame.query_id = member->query_id;
    std::string frame;
    wire::EncodeQueryResp(answer.frame, frame);
    member->connection->session().Reply(std::move(frame));
    if (member->question != nullptr) {
      share_.probe.tracer().Answered(*std::exchange(member->question, nullptr));
    }
    member->live = answer.fresh != nullptr;
    member->positions = positions;
    member->stream = ++share_.last_stream;
    if (member->live) continue;
    member->stage = Stage::kDone;
    if (lacks_memory) TellNotLive(*member);
  }
}

void LiveQuery::LearnExpiries(const ResultSet& fresh, const MapSnapshot& snapshot) {
  auto expiry = snapshot.expiries.begin();
  for (size_t i = 0; i < snapshot.rows.size(); ++i) {
    RowChange row{.key = snapshot.rows[i].key, .selected = true};
    std::optional<double> expires_ms;
    if (expiry != snapshot.expiries.end() && expiry->row == i) expires_ms = (expiry++)->expires_ms;
    FollowExpiry(fresh, row, expires_ms);
  }
}

// What came during the read and is beyond it, for those who were just answered.
void LiveQuery::Replay(ResultSet& fresh) {
  for (const Kept& kept : kept_) {
    if (Includes(positions_, kept.shard, kept.position)) continue;
    updates_.clear();
    fresh.Apply(kept.row(), updates_);
    for (const RowUpdate& update : updates_) {
      Tell(update, [&kept, &update](const LiveMember& member) {
        const bool own = update.key == kept.key && kept.origin == member.connection->origin();
        return member.stage == Stage::kReading && !own;
      });
    }
    FollowExpiry(fresh, kept.row(), kept.expires_ms);
  }
}

// Those who were not answered have had the kept changes already.
void LiveQuery::Succeed(ResultSet& fresh) {
  updates_.clear();
  told_by_read_.clear();
  fresh.Succeed(*shown_, updates_);
  for (const RowUpdate& update : updates_) {
    Tell(update, [](const LiveMember& member) { return member.stage == Stage::kSettled; });
    told_by_read_.insert(absl::HashOf(ToAbsl(update.key)));
  }
}

}  // namespace topgun::gateway
