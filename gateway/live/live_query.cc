#include "live/live_query.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "base/status.h"
#include "dispatch/connection.h"
#include "dispatch/error_codes.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

void LiveQuery::Join(LiveMember& member, Time now) {
  member.query = this;
  member.index = members_.size();
  members_.push_back(&member);
  MakeWait(member, now);
}

void LiveQuery::Leave(LiveMember& member) {
  if (member.stage == Stage::kWaiting) --waiting_;
  members_.back()->index = member.index;
  members_[member.index] = members_.back();
  members_.pop_back();
  member.query = nullptr;
  member.stage = Stage::kIdle;
  member.positions.reset();
  if (std::exchange(member.live, false)) DropUnseen();
}

void LiveQuery::DropUnseen() {
  const auto is_live = [](const LiveMember* member) { return member->live; };
  if (std::any_of(members_.begin(), members_.end(), is_live)) return;
  shown_.reset();
  positions_.reset();
  expiries_.Clear();
  told_by_read_.clear();
  refresh_ = false;
}

LiveQuery::Time LiveQuery::read_at() const {
  return waiting_ > 0 ? retry_at_ : std::max(retry_at_, refresh_at_);
}

bool LiveQuery::HasStage(Stage stage) const {
  return std::any_of(members_.begin(), members_.end(),
                     [stage](const LiveMember* member) { return member->stage == stage; });
}

void LiveQuery::Move(Stage from, Stage to) {
  for (LiveMember* const member : members_) {
    if (member->stage == from) member->stage = to;
  }
}

void LiveQuery::MakeWait(LiveMember& member, Time now) {
  member.stage = Stage::kWaiting;
  ++waiting_;
  if (!waiting_since_) waiting_since_ = now;
}

void LiveQuery::OnGap(Time now) {
  stale_ = stale_ || reading_;
  WaitAgain(now);
}

// Everybody gets a new QUERY_RESP, which replaces the rows on show.
void LiveQuery::WaitAgain(Time now) {
  if (liveness() == Liveness::kNever) return;
  for (LiveMember* const member : members_) {
    const bool answered = member->stage == Stage::kSettled || member->stage == Stage::kDone;
    if (answered) MakeWait(*member, now);
  }
}

void LiveQuery::Refresh(ReadAgain why) {
  if (!std::exchange(refresh_, true)) share_.live_probe.Again(why);
}

bool LiveQuery::OnChange(const Change& change, const state::CellView* record) {
  if ((shown_ == nullptr && !reading_) || liveness() == Liveness::kNever) return false;
  // What a window was filled with includes the change. Keys are told apart by member.
  const bool old = Includes(positions_, change.shard, change.position);
  if (old && liveness() != Liveness::kKeys) return false;
  RowChange row{.key = change.key, .was_live = change.was_live};
  if (record != nullptr) spec_->See(*record, row, rank_, value_);
  if (liveness() == Liveness::kGroups) {
    if (row.selected || row.was_live) Refresh(ReadAgain::kGroups);
    return true;
  }
  const auto expires_ms = row.selected ? record->ExpiresMs() : std::nullopt;
  if (reading_ && !stale_) Keep(change, row, expires_ms);
  if (shown_ == nullptr) return true;
  TellChange(change, row);
  if (!old) FollowExpiry(*shown_, row, expires_ms);
  if (shown_->failed()) {
    Freeze();
  } else {
    CheckReserve();
  }
  return true;
}

void LiveQuery::TellChange(const Change& change, const RowChange& row) {
  updates_.clear();
  shown_->Apply(row, updates_);
  const bool tell_writer = TakeToldByRead(row.key);
  for (const RowUpdate& update : updates_) {
    Tell(update, [&](const LiveMember& member) {
      const bool own = update.key == row.key && change.origin == member.connection->origin();
      return member.live && (!own || tell_writer) &&
             !Includes(member.positions, change.shard, change.position);
    });
  }
}

// A read that is on its way is as good.
void LiveQuery::CheckReserve() {
  if (!reading_ && shown_->wants_read()) Refresh(ReadAgain::kReserve);
}

bool LiveQuery::TakeToldByRead(std::string_view key) {
  return !told_by_read_.empty() && told_by_read_.erase(absl::HashOf(ToAbsl(key))) > 0;
}

void LiveQuery::FollowExpiry(const ResultSet& set, const RowChange& row,
                             std::optional<double> expires_ms) {
  if (expires_ms && set.Holds(row.key)) return expiries_.Set(row.key, *expires_ms);
  if (!expiries_.empty()) expiries_.Cancel(row.key);
}

void LiveQuery::Tell(const RowUpdate& update, Audience audience) {
  SharedBytes suffix;
  for (LiveMember* const member : members_) {
    if (!audience(*member)) continue;
    if (suffix == nullptr) {
      std::string bytes;
      wire::EncodeQueryUpdateSuffix(update.key, update.value, update.change, bytes);
      suffix = std::make_shared<const std::string>(std::move(bytes));
    }
    share_.probe.PushSent();
    member->connection->session().Push({.head = member->prefix,
                                        .tail = suffix,
                                        .stream = member->stream,
                                        .key = update.key,
                                        .keep = update.change == wire::ChangeType::kEnter});
  }
}

void LiveQuery::TellNotLive(LiveMember& member) {
  share_.live_probe.Refused(QueryRefusal::kRows);
  member.connection->writes().SendError(
      kTooManyRequests, "query is not live, too many rows are followed: " + spec_->map());
}

void LiveQuery::Freeze() {
  for (LiveMember* const member : members_) {
    if (!std::exchange(member->live, false)) continue;
    if (member->stage != Stage::kSettled) continue;  // it is answered once more
    member->stage = Stage::kDone;
    TellNotLive(*member);
  }
  DropUnseen();
}

size_t LiveQuery::HideExpired(size_t rows_max, Time now) {
  const int64_t now_ms = share_.clock.NowMs();
  size_t rows = 0;
  for (; rows < rows_max && shown_ != nullptr; ++rows) {
    const auto key = expiries_.PopHidden(now_ms);
    if (!key) break;
    updates_.clear();
    shown_->Apply({.key = *key, .was_live = true}, updates_);
    // Nobody's op caused it, so the writer hears of it as well.
    for (const RowUpdate& update : updates_) {
      Tell(update, [](const LiveMember& member) { return member.live; });
    }
    share_.probe.RowExpired();
    CheckReserve();
  }
  if (!expiries_.TakeOverflow(now_ms)) return rows;
  share_.probe.ExpiryOverflow();
  if (liveness() == Liveness::kWindow) {
    Refresh(ReadAgain::kExpiry);
  } else {
    share_.live_probe.Again(ReadAgain::kExpiry);
    WaitAgain(now);
  }
  return rows;
}

}  // namespace topgun::gateway
