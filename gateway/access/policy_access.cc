#include "access/policy_access.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "logging/logging.h"
#include "wire/op.h"

namespace topgun::gateway {

PolicyAccess::PolicyAccess(const std::vector<std::string>& admin_subjects, MapMirror& policies,
                           Probe& probe)
    : admin_subjects_(admin_subjects.begin(), admin_subjects.end()),
      mirror_(policies),
      probe_(probe) {
  mirror_.Observe([this] { Read(); });
}

Decision PolicyAccess::Check(const Principal& principal, Action action, std::string_view map,
                             std::string_view value) const {
  if (wire::IsReservedMapName(map)) return Decision::kDeny;
  if (state_ == State::kOpen) return Decision::kAllow;
  if (state_ == State::kUnknown) return Decision::kUnknown;
  // Nobody is no administrator, whatever the list says.
  const bool named = !principal.user_id.empty();
  if (named && admin_subjects_.contains(principal.user_id)) return Decision::kAllow;
  if (!unreadable_ && set_.Allows(principal, action, map, value)) return Decision::kAllow;
  probe_.AccessDenied();
  return Decision::kDeny;
}

// Only rows that differ are parsed.
void PolicyAccess::Read() {
  std::map<std::string, Row> rows;
  PolicySet::Policies policies;
  unreadable_ = mirror_.truncated();
  for (const auto& [id, value] : mirror_.rows()) {
    if (id == kPolicyMarker) continue;
    const auto known = rows_.find(id);
    const bool same = known != rows_.end() && known->second.value == value;
    Row row = same ? std::move(known->second) : ReadRow(id, value);
    if (row.policy) {
      policies.push_back(row.policy);
    } else {
      unreadable_ = true;
    }
    rows.emplace(id, std::move(row));
  }
  rows_ = std::move(rows);
  set_ = PolicySet(std::move(policies));
  probe_.Policies(set_.size());
  Changed();
}

PolicyAccess::Row PolicyAccess::ReadRow(const std::string& id, const std::string& value) const {
  auto policy = std::make_shared<CompiledPolicy>();
  if (const auto problem = ReadPolicyRow(id, value, *policy)) {
    logging::Error("access", "policy cannot be read, everything is denied until it is deleted",
                   {{"policy", id}, {"field", problem->field}, {"reason", problem->message}});
    return {.value = value, .policy = nullptr};
  }
  return {.value = value, .policy = std::move(policy)};
}

AccessControl::State PolicyAccess::StateNow() const {
  if (!mirror_.loaded()) return State::kUnknown;
  if (mirror_.rows().empty() && !mirror_.truncated()) return State::kOpen;
  return too_stale_ ? State::kUnknown : State::kEnforced;
}

void PolicyAccess::Changed() {
  state_ = StateNow();
  ++version_;
  if (on_change_) on_change_();
}

void PolicyAccess::Tick(Time now) {
  probe_.PolicyRulesMade(set_.TakeLookups());
  if (!mirror_.loaded() || mirror_.current()) {
    stale_since_.reset();
  } else if (!stale_since_) {
    stale_since_ = now;
  }
  const bool too_stale = stale_since_ && now - *stale_since_ > kStaleMax && !mirror_.rows().empty();
  if (std::exchange(too_stale_, too_stale) == too_stale) return;
  logging::Warning("access",
                   too_stale ? "policies could not be read again for too long, nothing is allowed"
                             : "policies are known again");
  Changed();
}

}  // namespace topgun::gateway
