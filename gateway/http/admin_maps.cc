#include "http/admin_maps.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <map>
#include <utility>

#include "http/admin_json.h"
#include "wire/op.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kSystemPrefix = "$sys/";

bool IsShown(const MapInfo& map) {
  const bool has_records = map.kind == state::CellKind::kLww || map.kind == state::CellKind::kOr;
  return has_records && !wire::IsReservedMapName(map.map) && !map.map.starts_with(kSystemPrefix);
}

HttpResponse ResponseOf(const std::vector<MapListing::Entry>& entries) {
  json::array maps;
  for (const MapListing::Entry& entry : entries) {
    json::object map{{"name", ReadableText(entry.name)}, {"entryCount", entry.entries}};
    if (entry.approximate) map["approximate"] = true;
    maps.push_back(std::move(map));
  }
  return JsonResponse(200, json::object{{"maps", std::move(maps)}});
}

}  // namespace

void MapListing::List(Done done) {
  waiting_.push_back(std::move(done));
  if (served_.empty()) Start();
}

void MapListing::Start() {
  served_ = std::exchange(waiting_, {});
  lister_.ListMaps([this](const StatusOr<std::vector<MapInfo>>& listed) { OnMaps(listed); });
}

void MapListing::OnMaps(const StatusOr<std::vector<MapInfo>>& listed) {
  if (!listed.ok()) return Finish(listed.status());
  std::vector<MapInfo> maps;
  std::copy_if(listed->begin(), listed->end(), std::back_inserter(maps), IsShown);
  std::sort(maps.begin(), maps.end(),
            [](const MapInfo& a, const MapInfo& b) { return a.map < b.map; });
  const size_t counted = std::min(maps.size(), kCountedMax);
  std::vector<MapInfo> to_count(maps.begin(), maps.begin() + static_cast<std::ptrdiff_t>(counted));
  CountMaps(counter_, std::move(to_count),
            [this, maps = std::move(maps)](const StatusOr<MapCounts>& counts) {
              OnCounts(maps, counts);
            });
}

// One name may stand for an LWW and an OR map.
void MapListing::OnCounts(const std::vector<MapInfo>& maps, const StatusOr<MapCounts>& counts) {
  if (!counts.ok()) return Finish(counts.status());
  std::vector<Entry> entries;
  for (size_t i = 0; i < maps.size(); ++i) {
    const bool exact = i < counts->size() && (*counts)[i].has_value();
    if (entries.empty() || entries.back().name != maps[i].map) {
      entries.push_back({.name = maps[i].map, .entries = 0, .approximate = false});
    }
    entries.back().entries += exact ? *(*counts)[i] : maps[i].cells;
    if (!exact) entries.back().approximate = true;
  }
  Finish(std::move(entries));
}

void MapListing::Finish(const StatusOr<std::vector<Entry>>& entries) {
  for (const Done& done : std::exchange(served_, {})) done(entries);
  if (!waiting_.empty() && served_.empty()) Start();
}

void MountMapEndpoints(Router& router, const AdminAccess& access, MapListing& listing) {
  router.Add({.method = "GET",
              .path = "/api/admin/maps",
              .summary = "Maps of the clients with the number of their records",
              .admin = true,
              .responses = {{200, "maps: name, entryCount"}}},
             access.Guard([&listing](const RoutedRequest&, const Respond& respond) {
               listing.List([respond](const StatusOr<std::vector<MapListing::Entry>>& entries) {
                 respond(entries.ok() ? ResponseOf(*entries) : ErrorResponse(entries.status()));
               });
             }));
}

}  // namespace topgun::gateway
