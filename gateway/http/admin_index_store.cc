#include "http/admin_index_store.h"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "http/admin_counts.h"
#include "state/cell.h"
#include "state/keys.h"

namespace topgun::gateway {
namespace {

const std::string& MapName() {
  static const std::string name(state::kIndexMap);
  return name;
}

// Both kinds of every map, one after the other.
std::vector<MapInfo> MapsOf(const std::vector<IndexDefinition>& indexes) {
  std::vector<MapInfo> maps;
  std::string_view last;
  for (const IndexDefinition& index : indexes) {
    if (!maps.empty() && index.map == last) continue;
    last = index.map;
    for (const state::CellKind kind : {state::CellKind::kLww, state::CellKind::kOr}) {
      maps.push_back({.map = index.map, .kind = kind, .cells = 0});
    }
  }
  return maps;
}

// Keys borrow from the maps.
using CountByMap = std::map<std::string_view, std::optional<uint64_t>>;

CountByMap SumsOf(const std::vector<MapInfo>& maps, const MapCounts& counts) {
  CountByMap sums;
  for (size_t i = 0; i < maps.size(); ++i) {
    auto& sum = sums.try_emplace(maps[i].map, 0).first->second;
    sum = sum && counts[i] ? std::optional(*sum + *counts[i]) : std::nullopt;
  }
  return sums;
}

}  // namespace

void IndexStore::List(Listed done) {
  reader_.Read(MapName(), [this, done = std::move(done)](
                              const StatusOr<std::shared_ptr<const MapSnapshot>>& read) {
    if (!read.ok()) return done(read.status());
    std::vector<IndexDefinition> indexes;
    for (const wire::QueryRow& row : (*read)->rows) {
      if (auto index = DecodeIndexRow(row.key, row.value)) indexes.push_back(*std::move(index));
    }
    std::sort(indexes.begin(), indexes.end(),
              [](const IndexDefinition& a, const IndexDefinition& b) {
                return std::tie(a.map, a.attribute) < std::tie(b.map, b.attribute);
              });
    Count(std::move(indexes), done);
  });
}

void IndexStore::Count(std::vector<IndexDefinition> indexes, Listed done) {
  std::vector<MapInfo> maps = MapsOf(indexes);
  CountMaps(counter_, maps,
            [indexes = std::move(indexes), maps,
             done = std::move(done)](const StatusOr<MapCounts>& counts) {
              if (!counts.ok()) return done(counts.status());
              const CountByMap sums = SumsOf(maps, *counts);
              std::vector<IndexInfo> infos;
              for (const IndexDefinition& index : indexes) {
                infos.push_back({.index = index, .entries = sums.at(index.map)});
              }
              done(std::move(infos));
            });
}

void IndexStore::FindDefinition(const std::string& map, const std::string& attribute,
                                Defined done) {
  std::string key = IndexRowKey(map, attribute);
  cells_.ReadCells(
      MapName(), {key},
      [this, key, done = std::move(done)](const StatusOr<std::vector<std::string>>& cells) {
        if (!cells.ok()) return done(cells.status());
        state::CellView cell;
        const bool live = !cells->empty() && !cells->front().empty() &&
                          state::DecodeCell(cells->front(), &cell) && cell.Live(clock_.NowMs());
        done(live ? DecodeIndexRow(key, cell.value) : std::nullopt);
      });
}

void IndexStore::Find(const std::string& map, const std::string& attribute, Found done) {
  FindDefinition(
      map, attribute,
      [this, done = std::move(done)](const StatusOr<std::optional<IndexDefinition>>& found) {
        if (!found.ok()) return done(found.status());
        if (!found->has_value()) return done(std::optional<IndexInfo>());
        Count({**found}, [done](const StatusOr<std::vector<IndexInfo>>& counted) {
          if (!counted.ok()) return done(counted.status());
          done(std::optional(counted->front()));
        });
      });
}

void IndexStore::Create(const IndexDefinition& index, Done done) {
  FindDefinition(
      index.map, index.attribute,
      [this, index, done = std::move(done)](const StatusOr<std::optional<IndexDefinition>>& found) {
        if (!found.ok()) return done(found.status());
        if (found->has_value()) {
          return done(MakeStatus(StatusCode::kAlreadyExists,
                                 "the map has an index on this attribute already"));
        }
        if (mirror_.rows().size() >= kIndexesMax) {
          return done(
              FailedPrecondition("there are " + std::to_string(kIndexesMax) + " indexes already"));
        }
        store_.Put(state::kIndexMap, IndexRowKey(index.map, index.attribute), EncodeIndexRow(index),
                   0, done);
      });
}

void IndexStore::Delete(const std::string& map, const std::string& attribute, Done done) {
  FindDefinition(map, attribute,
                 [this, key = IndexRowKey(map, attribute),
                  done = std::move(done)](const StatusOr<std::optional<IndexDefinition>>& found) {
                   if (!found.ok()) return done(found.status());
                   if (!found->has_value()) return done(NotFound("there is no such index"));
                   store_.Remove(state::kIndexMap, key, done);
                 });
}

}  // namespace topgun::gateway
