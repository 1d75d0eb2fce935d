// Access control from the policies of the cluster, as the loop's mirror of state::kPolicyMap has
// them (core.md 10).
//
// A map without rows means that no policy was ever created: everything is allowed. PolicyStore
// leaves a marker behind, so that the map is not empty again once all policies are deleted.
//
// It fails closed. Before the mirror is loaded nothing is known. After a gap in the changes the
// last known policies hold while the map is read again, for kStaleMax at most. A row that cannot
// be read, which a later version may have written, denies everything to all but the admin subjects.
//
// Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "access/access.h"
#include "access/policy_set.h"
#include "probe.h"
#include "system/map_mirror.h"

namespace topgun::gateway {

// Key of the row that says that there were policies once; its value is true.
inline constexpr std::string_view kPolicyMarker = "$enforced";

class PolicyAccess final : public AccessControl {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds kStaleMax{30'000};

  // `admin_subjects` are the callers whom policies do not concern (TOPGUN_ADMIN_SUBJECTS).
  PolicyAccess(const std::vector<std::string>& admin_subjects, MapMirror& policies, Probe& probe);

  // Runs after what it says may have changed.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  Decision Check(const Principal& principal, Action action, std::string_view map,
                 std::string_view value) const override;
  uint64_t version() const override { return version_; }

  void Tick(Time now);

 private:
  struct Row {
    std::string value;
    std::shared_ptr<const CompiledPolicy> policy;  // null: cannot be read
  };

  void Read();
  Row ReadRow(const std::string& id, const std::string& value) const;
  void Changed();
  State StateNow() const;

  const absl::flat_hash_set<std::string> admin_subjects_;
  MapMirror& mirror_;
  Probe& probe_;
  std::function<void()> on_change_;
  std::map<std::string, Row> rows_;
  PolicySet set_;
  bool unreadable_ = false;  // something denies everything
  uint64_t version_ = 0;
  std::optional<Time> stale_since_;
  bool too_stale_ = false;
};

}  // namespace topgun::gateway
