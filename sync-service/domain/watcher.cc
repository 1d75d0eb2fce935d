#include "domain/watcher.h"

#include <utility>

#include "state/journal_sequence.h"

namespace topgun::sync {

Watcher::~Watcher() {
  probe_.WatchedShards(-static_cast<int64_t>(watched_.size()));
  for (auto& [number, watched] : watched_) {
    if (watched.attached) watched.shard->feed().RemoveListener(this);
  }
}

void Watcher::Watch(Shard& shard, std::optional<state::Position> after) {
  Stop(shard.number());
  const uint64_t generation = next_generation_++;
  watched_[shard.number()] = {&shard, false, {}, generation};
  probe_.WatchedShards(1);
  shard.Barrier([weak = std::weak_ptr<Watcher*>(self_), number = shard.number(), generation,
                 after](const StatusOr<state::Position>& position) {
    const auto self = weak.lock();
    if (self != nullptr && position.ok()) (*self)->Start(number, generation, *position, after);
  });
}

void Watcher::Stop(uint32_t shard) {
  const auto it = watched_.find(shard);
  if (it == watched_.end()) return;
  if (it->second.attached) it->second.shard->feed().RemoveListener(this);
  watched_.erase(it);
  probe_.WatchedShards(-1);
}

Watcher::Watched* Watcher::Find(uint32_t shard, uint64_t generation) {
  const auto it = watched_.find(shard);
  return it != watched_.end() && it->second.generation == generation ? &it->second : nullptr;
}

void Watcher::Start(uint32_t shard, uint64_t generation, const state::Position& position,
                    std::optional<state::Position> after) {
  Watched* watched = Find(shard, generation);
  if (watched == nullptr) return;
  watched->told = after.value_or(position);
  if (after.has_value()) return Resume(shard, generation);
  Attach(*watched, position, false);
}

// Sends what the watcher missed, from the feed's window or from Redis, then lets it hear the feed.
void Watcher::Resume(uint32_t shard, uint64_t generation) {
  Watched* watched = Find(shard, generation);
  if (watched == nullptr) return;
  ShardFeed& feed = watched->shard->feed();
  const auto tell = [&](const FeedEntry& entry) { OnEntry(shard, watched->told, entry, false); };
  if (feed.VisitRecent(watched->told, tell)) return Attach(*watched, feed.position(), false);
  if (watched->told > feed.position()) {
    // Redis lost what the watcher has seen.
    return Attach(*watched, feed.position(), true);
  }
  constexpr size_t kEntriesPerRead = 256;
  watched->shard->store().ReadFeed(watched->told, kEntriesPerRead,
                                   [weak = std::weak_ptr<Watcher*>(self_), shard,
                                    generation](StatusOr<std::vector<FeedRecord>> records) {
                                     const auto self = weak.lock();
                                     if (self == nullptr) return;
                                     if (records.ok()) {
                                       (*self)->Replay(shard, generation, *records);
                                     } else if (Watched* lost = (*self)->Find(shard, generation)) {
                                       (*self)->Watch(*lost->shard, lost->told);
                                     }
                                   });
}

void Watcher::Replay(uint32_t shard, uint64_t generation, const std::vector<FeedRecord>& records) {
  Watched* watched = Find(shard, generation);
  if (watched == nullptr) return;
  ShardFeed replay(shard, 0);
  replay.JumpTo(watched->told);
  bool stuck = records.empty();
  replay.AddListener(this);
  FeedEntry entry;
  for (const FeedRecord& record : records) {
    if (!entry.Decode(record.position, record.entry) ||
        replay.Accept(entry) == ShardFeed::Accepted::kGap) {
      stuck = true;
      break;
    }
  }
  if (!stuck) {
    // Entries that are of no interest have moved nothing yet.
    if (watched->told < replay.position()) Tell(*watched, replay.position(), false, nullptr, {});
    return Resume(shard, generation);
  }
  Attach(*watched, watched->shard->feed().position(), true);
}

// From here on the watcher hears the feed itself; it has been told everything up to `upto`.
void Watcher::Attach(Watched& watched, const state::Position& upto, bool gap) {
  watched.attached = true;
  ShardFeed& feed = watched.shard->feed();
  feed.AddListener(this);
  Tell(watched, upto, gap, nullptr, {});
  if (feed.persisted() != state::Position{}) {
    sink_.OnPersisted(watched.shard->number(), feed.persisted());
  }
}

void Watcher::ChangeInterest(const std::vector<std::string>& add,
                             const std::vector<std::string>& remove, uint64_t interest_id) {
  for (const std::string& map : add) interest_.insert({map, 0});
  for (const std::string& map : remove) interest_.erase(map);
  interest_id_ = interest_id;
  for (auto& [number, watched] : watched_) {
    if (watched.attached) Tell(watched, watched.shard->feed().position(), false, nullptr, {});
  }
}

void Watcher::Progress() {
  for (auto& [number, watched] : watched_) {
    const state::Position& position = watched.shard->feed().position();
    if (watched.attached && watched.told != position) {
      Tell(watched, position, false, nullptr, {});
    }
  }
}

void Watcher::OnEntry(uint32_t shard, const state::Position& /*after*/, const FeedEntry& entry,
                      bool gap) {
  const auto it = watched_.find(shard);
  if (it == watched_.end()) return;
  Watched& watched = it->second;
  if (gap) return Tell(watched, entry.position, true, nullptr, {});
  const state::FeedEntryView& view = entry.view;
  std::vector<bool> interesting(view.maps.size());
  bool any = all_maps_;
  for (size_t i = 0; i < view.maps.size(); ++i) {
    interesting[i] = interest_.contains(view.maps[i]);
    any = any || interesting[i];
  }
  // A marker moves the incarnation, which a range cannot straddle together with changes.
  if (view.is_marker) return Tell(watched, entry.position, false, nullptr, {});
  if (!any) return;
  std::vector<uint32_t> changes;
  for (uint32_t i = 0; i < view.changes.size(); ++i) {
    const state::ChangeView& change = view.changes[i];
    const bool wanted =
        interesting[change.map] ||
        (all_maps_ && state::InJournal(change.kind, change.flags, view.maps[change.map]));
    if (wanted) changes.push_back(i);
  }
  if (changes.empty()) return;
  probe_.ChangesForwarded(changes.size());
  Tell(watched, entry.position, false, &entry, changes);
}

void Watcher::OnJump(uint32_t shard, const state::Position& /*after*/,
                     const state::Position& upto) {
  const auto it = watched_.find(shard);
  if (it != watched_.end()) Tell(it->second, upto, true, nullptr, {});
}

void Watcher::OnPersisted(uint32_t shard, const state::Position& persisted) {
  if (watched_.contains(shard)) sink_.OnPersisted(shard, persisted);
}

void Watcher::Tell(Watched& watched, const state::Position& upto, bool gap, const FeedEntry* entry,
                   const std::vector<uint32_t>& changes) {
  const state::Position after = std::exchange(watched.told, upto);
  sink_.OnRange({watched.shard->number(), after, upto, gap, interest_id_}, entry, changes);
}

}  // namespace topgun::sync
