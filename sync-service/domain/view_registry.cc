#include "domain/view_registry.h"

#include <utility>

namespace topgun::sync {

namespace {

std::variant<LwwContent, OrContent> EmptyContent(state::CellKind kind) {
  if (kind == state::CellKind::kOr) return OrContent();
  return LwwContent();
}

}  // namespace

ViewRegistry::Entry::Entry(state::CellKind kind, std::string_view map, const ViewRegistry& registry)
    : content(EmptyContent(kind)),
      view(kind, std::string(map), shared(), registry.shards_, registry.limits_.bytes_max,
           registry.wall_, registry.probe_) {}

TreeContent& ViewRegistry::Entry::shared() {
  return std::visit([](auto& held) -> TreeContent& { return held; }, content);
}

ViewRegistry::ViewRegistry(std::vector<Shard*> shards, ViewLimits limits, Scheduler& scheduler,
                           const WallClock& wall, Probe& probe)
    : shards_(std::move(shards)),
      limits_(limits),
      wall_(wall),
      probe_(probe),
      counters_({.bytes_max = limits.bytes_max}, wall, probe),
      merges_(limits.merges, scheduler, probe),
      scans_(limits.scans, scheduler, wall, probe),
      searches_(limits.searches, scheduler, wall, probe.searches(), [this] { return MakeRoom(); }) {
}

// ---- Reading: an entry is not dropped while a read of it waits ----

void ViewRegistry::Read(std::string_view map, size_t rows_max, Callback<Snapshot> callback) {
  Entry& entry = EntryFor(state::CellKind::kLww, map);
  entry.view.WhenCurrent(
      [this, &entry, rows_max, callback = std::move(callback)](const Status& status) {
        if (!status.ok()) return callback(status);
        auto& content = std::get<LwwContent>(entry.content);
        const int64_t now_ms = wall_.NowMs();
        callback(Snapshot{content.LiveRows(rows_max, now_ms), content.LiveCount(now_ms),
                          entry.view.Positions()});
      });
}

void ViewRegistry::Select(std::string_view map, std::shared_ptr<const Selection> selection,
                          ScanQueue::Wanted wanted, Callback<Selected> callback) {
  Entry& entry = EntryFor(state::CellKind::kLww, map);
  scans_.Add(entry.view, std::get<LwwContent>(entry.content), std::move(selection),
             std::move(wanted), std::move(callback));
}

void ViewRegistry::Count(state::CellKind kind, std::string_view map, Callback<uint64_t> callback) {
  Entry& entry = EntryFor(kind, map);
  entry.view.WhenCurrent([this, &entry, callback = std::move(callback)](const Status& status) {
    if (!status.ok()) return callback(status);
    callback(entry.shared().LiveCount(wall_.NowMs()));
  });
}

void ViewRegistry::ReadTree(state::CellKind kind, std::string_view map,
                            std::shared_ptr<const TreeQuery> query, Callback<TreePart> callback) {
  Entry& entry = EntryFor(kind, map);
  entry.view.WhenCurrent(
      [&entry, query = std::move(query), callback = std::move(callback)](const Status& status) {
        if (!status.ok()) return callback(status);
        callback(TakeTree(entry.shared(), *query, entry.view.horizon_ms()));
      });
}

void ViewRegistry::ResolveTags(std::string_view map,
                               std::shared_ptr<const std::vector<std::string>> tags,
                               Callback<std::vector<ResolvedTag>> callback) {
  Entry& entry = EntryFor(state::CellKind::kOr, map);
  entry.view.WhenCurrent(
      [&entry, tags = std::move(tags), callback = std::move(callback)](const Status& status) {
        if (!status.ok()) return callback(status);
        const auto& content = std::get<OrContent>(entry.content);
        std::vector<ResolvedTag> resolved;
        resolved.reserve(tags->size());
        for (const std::string& tag : *tags) resolved.push_back(content.Resolve(tag));
        callback(std::move(resolved));
      });
}

void ViewRegistry::CountTerms(std::string_view map, std::shared_ptr<const MapSearch> wanted_hits,
                              SearchQueue::Wanted wanted, Callback<search::Statistics> callback) {
  Entry& entry = EntryFor(state::CellKind::kLww, map);
  searches_.Count(entry.view, std::get<LwwContent>(entry.content), std::move(wanted_hits),
                  std::move(wanted), std::move(callback));
}

void ViewRegistry::Search(std::string_view map, std::shared_ptr<const MapSearch> wanted_hits,
                          search::Statistics statistics, SearchQueue::Wanted wanted,
                          Callback<std::vector<FoundRecord>> callback) {
  Entry& entry = EntryFor(state::CellKind::kLww, map);
  searches_.Find(entry.view, std::get<LwwContent>(entry.content), std::move(wanted_hits),
                 std::move(statistics), std::move(wanted), std::move(callback));
}

// ---- Life of views ----

ViewRegistry::Entry& ViewRegistry::EntryFor(state::CellKind kind, std::string_view map) {
  std::string map_id = state::MapId(kind, map);
  if (const auto it = views_.find(map_id); it != views_.end()) return *it->second;
  MakeRoom();
  auto entry = std::make_unique<Entry>(kind, map, *this);
  return *views_.emplace(std::move(map_id), std::move(entry)).first->second;
}

void ViewRegistry::DropIdle() {
  counters_.DropIdle();
  const int64_t oldest_ms = wall_.NowMs() - limits_.idle_ms;
  for (auto it = views_.begin(); it != views_.end();) {
    const MapView& view = it->second->view;
    if (view.idle() && view.last_read_ms() < oldest_ms) {
      views_.erase(it++);
    } else {
      DropIdleIndex(*it->second, oldest_ms);
      ++it;
    }
  }
  MakeRoom();
}

// The view may be wanted for other reads.
void ViewRegistry::DropIdleIndex(Entry& entry, int64_t oldest_ms) {
  auto* const content = std::get_if<LwwContent>(&entry.content);
  if (content == nullptr || content->index() == nullptr || !entry.view.idle()) return;
  if (content->index()->last_goal_ms() >= oldest_ms) return;
  content->DropIndex();
  entry.view.CountBytes();
}

// Drops the views read longest ago until the rest fits.
bool ViewRegistry::MakeRoom() {
  for (;;) {
    uint64_t bytes = 0;
    auto oldest = views_.end();
    for (auto it = views_.begin(); it != views_.end(); ++it) {
      bytes += it->second->shared().bytes();
      const MapView& view = it->second->view;
      if (!view.idle()) continue;
      if (oldest == views_.end() || view.last_read_ms() < oldest->second->view.last_read_ms()) {
        oldest = it;
      }
    }
    if (bytes <= limits_.bytes_max) return true;
    if (oldest == views_.end()) return false;
    views_.erase(oldest);
  }
}

}  // namespace topgun::sync
