// GET /api/admin/maps (core.md 9.2): the clients' maps with their live records.
//
// One listing is on its way at a time; whoever asks meanwhile shares the next one, so that every
// answer includes what was acknowledged before its request. Owned by the loop; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "dispatch/io.h"
#include "http/admin_access.h"
#include "http/admin_counts.h"
#include "http/admin_io.h"
#include "http/router.h"

namespace topgun::gateway {

class MapListing {
 public:
  struct Entry {
    std::string name;
    uint64_t entries = 0;
    // Also removed and expired records are counted: the map is too large, or far down the list.
    bool approximate = false;

    friend bool operator==(const Entry&, const Entry&) = default;
  };
  // Ascending by name.
  using Done = std::function<void(const StatusOr<std::vector<Entry>>&)>;

  // Counting builds a view of the map, which is too much for any number of them.
  static constexpr size_t kCountedMax = 1'000;

  MapListing(MapLister& lister, MapCounter& counter) : lister_(lister), counter_(counter) {}

  void List(Done done);

 private:
  void Start();
  void OnMaps(const StatusOr<std::vector<MapInfo>>& listed);
  void OnCounts(const std::vector<MapInfo>& maps, const StatusOr<MapCounts>& counts);
  void Finish(const StatusOr<std::vector<Entry>>& entries);

  MapLister& lister_;
  MapCounter& counter_;
  std::vector<Done> served_;   // by the listing on its way
  std::vector<Done> waiting_;  // for the next one
};

void MountMapEndpoints(Router& router, const AdminAccess& access, MapListing& listing);

}  // namespace topgun::gateway
