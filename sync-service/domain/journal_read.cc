#include "domain/journal_read.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "domain/feed_seek.h"
#include "state/cell.h"

namespace topgun::sync {
namespace {

constexpr size_t kEntriesPerRead = 256;

int64_t ClockOf(const state::JournalSequence& sequence) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return static_cast<int64_t>(std::min(sequence.commit_ms, kMax));
}

// Takes the events out of entries that come in the order of the feed, until one of its limits.
class JournalCollector {
 public:
  JournalCollector(uint32_t shard, const JournalQuery& query) : shard_(shard), query_(query) {}

  // False: it has enough.
  bool Take(const FeedEntry& entry) {
    const state::FeedEntryView& view = entry.view;
    if (view.changes.empty() || view.wall_ms < 0) return true;
    state::JournalSequence sequence{static_cast<uint64_t>(view.wall_ms), shard_, entry.position.n,
                                    std::numeric_limits<uint32_t>::max()};
    if (sequence < query_.from) return true;
    sequence.index = 0;
    if (looked_at_ == query_.entries_max) return EndBefore(sequence);
    ++looked_at_;
    for (uint32_t i = 0; i < view.changes.size(); ++i) {
      if (!Take(view, i)) return false;
    }
    return true;
  }

  state::JournalPage<JournalEvent>& page() { return page_; }
  size_t looked_at() const { return looked_at_; }

 private:
  bool Take(const state::FeedEntryView& view, uint32_t index) {
    const state::ChangeView& change = view.changes[index];
    const std::string_view map = view.maps[change.map];
    if (query_.map && map != *query_.map) return true;
    state::CellView cell;
    if (!state::InJournal(change.kind, change.flags, map)) return true;
    if (!state::DecodeCell(change.cell, &cell)) return true;
    const state::JournalSequence sequence = state::SequenceOf(cell, shard_, index);
    if (sequence < query_.from) return true;
    const size_t bytes = map.size() + change.key.size() + change.cell.size();
    const bool full = page_.events.size() >= query_.events_max ||
                      (bytes_ + bytes > query_.bytes_max && !page_.events.empty());
    if (full) return EndBefore(sequence);
    bytes_ += bytes;
    page_.events.push_back(
        {sequence, std::string(map), std::string(change.key), std::string(change.cell)});
    return true;
  }

  // What was looked at is not looked at again, whatever the clocks.
  bool EndBefore(const state::JournalSequence& sequence) {
    page_.next = std::max(sequence, state::After(last()));
    return false;
  }
  const state::JournalSequence& last() const {
    return page_.events.empty() ? query_.from : page_.events.back().sequence;
  }

  const uint32_t shard_;
  const JournalQuery& query_;
  state::JournalPage<JournalEvent> page_;
  size_t bytes_ = 0;
  size_t looked_at_ = 0;
};

// One read; kept alive by its callbacks.
class JournalRead : public std::enable_shared_from_this<JournalRead> {
 public:
  JournalRead(Shard& shard, std::shared_ptr<const JournalQuery> query,
              std::optional<state::Position> upto, Probe& probe, Callback<ShardJournal> callback)
      : shard_(shard),
        query_(std::move(query)),
        upto_(upto),
        probe_(probe),
        callback_(std::move(callback)),
        collector_(shard.number(), *query_) {}

  void Start() {
    shard_.Barrier([self = shared_from_this()](const StatusOr<state::Position>& position) {
      if (!position.ok()) return self->callback_(position.status());
      self->end_ = self->upto_ ? std::min(*self->upto_, *position) : *position;
      self->Begin();
    });
  }

 private:
  // From memory alone, if that reaches back far enough or Redis does not reach further.
  void Begin() {
    const std::optional<int64_t> oldest_ms = recent().oldest_ms();
    if (oldest_ms && *oldest_ms < ClockOf(query_->from)) return Go(recent().start());
    ReadFeed({}, 1, [this](const std::vector<FeedRecord>& oldest) {
      if (oldest.empty() || oldest.front().position > recent().start()) {
        return Go(recent().start());
      }
      state::Position low = oldest.front().position;
      low.n -= 1;
      SeekFeed(shard_.store(), low, recent().start(), ClockOf(query_->from),
               [self = shared_from_this()](const StatusOr<state::Position>& found) {
                 if (!found.ok()) return self->callback_(found.status());
                 self->Go(*found);
               });
    });
  }

  // The window moves while Redis is read.
  void Go(const state::Position& after) {
    if (after >= recent().start()) return ReadWindow(after);
    ReadFeed(after, kEntriesPerRead, [this](const std::vector<FeedRecord>& records) {
      probe_.JournalEntriesRead(records.size());
      FeedEntry entry;
      for (const FeedRecord& record : records) {
        if (record.position > recent().start()) break;
        if (record.position > end_) return Finish();
        if (!entry.Decode(record.position, record.entry)) continue;
        if (!collector_.Take(entry)) return Finish();
      }
      const bool behind = !records.empty() && records.back().position < recent().start();
      Go(behind ? records.back().position : recent().start());
    });
  }

  void ReadWindow(const state::Position& after) {
    recent().VisitSince(after, ClockOf(query_->from), [this](const FeedEntry& entry) {
      return entry.position <= end_ && collector_.Take(entry);
    });
    Finish();
  }

  void ReadFeed(const state::Position& after, size_t count,
                std::function<void(const std::vector<FeedRecord>&)> then) {
    shard_.store().ReadFeed(after, count,
                            [self = shared_from_this(),
                             then = std::move(then)](StatusOr<std::vector<FeedRecord>> records) {
                              if (!records.ok()) return self->callback_(records.status());
                              then(*records);
                            });
  }

  void Finish() {
    probe_.JournalRead(collector_.looked_at(), collector_.page().next.has_value());
    callback_(ShardJournal{shard_.number(), std::move(collector_.page()), end_});
  }

  const FeedWindow& recent() { return shard_.feed().recent(); }

  Shard& shard_;
  const std::shared_ptr<const JournalQuery> query_;
  const std::optional<state::Position> upto_;
  Probe& probe_;
  const Callback<ShardJournal> callback_;
  JournalCollector collector_;
  state::Position end_;
};

}  // namespace

void ReadJournal(Shard& shard, std::shared_ptr<const JournalQuery> query,
                 std::optional<state::Position> upto, Probe& probe,
                 Callback<ShardJournal> callback) {
  std::make_shared<JournalRead>(shard, std::move(query), upto, probe, std::move(callback))->Start();
}

}  // namespace topgun::sync
