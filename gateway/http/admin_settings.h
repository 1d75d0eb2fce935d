// GET and PUT /api/admin/settings (core.md 9.2). What can be changed holds for all gateways of the
// cluster and survives restarts; `null` takes a change back.
//
//   logLevel                  debug, info, warning or error; at once, instead of --log-level
//   maxConcurrentOperations   operations of HTTP requests, of ORMAP_PUSH_DIFF and of the cluster
//                             that may wait per event loop; beyond, they are refused with 429
//   gcIntervalMs              kept and shown; the sync services decide by their retention how often
//                             they look for what can be dropped
//
// Owned by the loop; one thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "dispatch/cluster_view.h"
#include "http/admin_access.h"
#include "http/admin_json.h"
#include "http/router.h"
#include "system/cluster_settings.h"
#include "system/map_mirror.h"
#include "system/system_store.h"

namespace topgun::gateway {

// As the process was started.
struct SettingsInfo {
  std::string host;  // where clients connect
  bool require_auth = true;
  std::string log_level = "info";
  uint64_t max_value_bytes = 0;  // 0: unlimited
  int64_t operation_timeout_ms = 20'000;
  int64_t max_concurrent_operations = 65'536;
  int64_t gc_interval_ms = 600'000;
};

// One change: the row's new value, empty to take it away.
struct SettingChange {
  std::string name;
  std::string value;

  friend bool operator==(const SettingChange&, const SettingChange&) = default;
};

// The changes that the body of PUT asks for; what is wrong stays in the body.
std::vector<SettingChange> ReadSettingChanges(JsonBody& body);

class SettingsStore {
 public:
  using Done = std::function<void(const StatusOr<boost::json::object>&)>;

  // All references outlive this.
  SettingsStore(SettingsInfo info, SystemStore& store, const MapMirror& mirror,
                const ClusterView& cluster)
      : info_(std::move(info)), store_(store), mirror_(mirror), cluster_(cluster) {}

  void set_info(SettingsInfo info) { info_ = std::move(info); }
  boost::json::object Get() const { return Describe(mirror_.rows()); }
  // Answers with the settings as they are afterwards. When it fails some changes may have been
  // made.
  void Change(std::vector<SettingChange> changes, Done done);

 private:
  struct Job;

  boost::json::object Describe(const MapMirror::Rows& rows) const;
  void Next(const std::shared_ptr<Job>& job);

  SettingsInfo info_;
  SystemStore& store_;
  const MapMirror& mirror_;
  const ClusterView& cluster_;
};

void MountSettingsEndpoints(Router& router, const AdminAccess& access, SettingsStore& settings);

}  // namespace topgun::gateway
