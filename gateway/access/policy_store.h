// The policies of the cluster for the administration endpoints: listed, created, deleted
// (core.md 9.2, features.md 10.2). They take effect at every gateway through its mirror of the map.
//
// The first policy closes the cluster for good, so a marker row is kept beside the policies
// (PolicyAccess): a deletion leaves it.
//
// Owned by the loop; one thread. `Done` may run inside the call; on shutdown calls that wait are
// forgotten.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "access/policy.h"
#include "base/clock.h"
#include "base/status.h"
#include "dispatch/io.h"
#include "system/map_mirror.h"
#include "system/system_store.h"

namespace topgun::gateway {

// 128 random bits in hexadecimal digits.
std::string RandomPolicyId();

class PolicyStore {
 public:
  // Far below what a mirror holds, and each costs time at the first use of a map.
  static constexpr size_t kPoliciesMax = 5'000;

  // Errors: UNAVAILABLE and RESOURCE_EXHAUSTED: try again later; FAILED_PRECONDITION: refused, the
  // message says why.
  using Done = std::function<void(const Status&)>;
  using Created = std::function<void(const StatusOr<Policy>&)>;
  struct Listing {
    std::vector<Policy> policies;         // ascending by id
    std::vector<std::string> unreadable;  // ids of rows that this version cannot read
  };
  using Listed = std::function<void(const StatusOr<Listing>&)>;

  PolicyStore(SystemStore& store, const MapMirror& mirror, MapReader& reader, CellReader& cells,
              const WallClock& clock, std::function<std::string()> make_id);

  // Includes everything that was created and deleted before.
  void List(Listed done);
  // The policy must come from ParsePolicyJson(). Replaces one of the same id; without id it gets
  // one. Answers with the policy as it is kept.
  void Create(Policy policy, Created done);
  // OK also when there is none of this id.
  void Delete(std::string id, Done done);

 private:
  bool Marked() const;
  void Mark(Done done);
  void DeleteUnmarked(std::string id, Done done);

  SystemStore& store_;
  const MapMirror& mirror_;
  MapReader& reader_;
  CellReader& cells_;
  const WallClock& clock_;
  const std::function<std::string()> make_id_;
};

}  // namespace topgun::gateway
