#include "http/admin_settings.h"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <utility>

#include "logging/logging.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr int64_t kPartitions = 271;  // core.md 8.1
constexpr std::array<std::string_view, 7> kReadOnly = {
    "nodeId",       "defaultOperationTimeoutMs", "partitionCount", "host", "port", "requireAuth",
    "maxValueBytes"};

// The word that lib/logging knows; empty when it knows none.
std::string LogLevelOf(const json::value& value) {
  if (!value.is_string()) return {};
  const std::string_view text(value.get_string().data(), value.get_string().size());
  const std::string_view level = text == "warn" ? "warning" : text;
  return logging::ParseLevel(level).ok() ? std::string(level) : std::string();
}

void ReadLogLevel(const json::value& value, JsonBody& body, SettingChange& change) {
  const std::string level = LogLevelOf(value);
  if (level.empty()) return body.Refuse(400, "must be debug, info, warning or error", change.name);
  change.value = EncodeSetting(level);
}

void ReadNumber(const json::value& value, const WholeRange& range, JsonBody& body,
                SettingChange& change) {
  int64_t number = 0;
  const std::string problem = CheckWholeNumber(value, range.min, range.max, &number);
  if (!problem.empty()) return body.Refuse(400, problem, change.name);
  change.value = EncodeSetting(number);
}

void ReadChange(const json::value& value, JsonBody& body, SettingChange& change) {
  if (std::find(kReadOnly.begin(), kReadOnly.end(), change.name) != kReadOnly.end()) {
    return body.Refuse(400, "read-only", change.name);
  }
  if (value.is_null()) return;
  if (change.name == kLogLevelSetting) return ReadLogLevel(value, body, change);
  ReadNumber(value, change.name == kGcIntervalSetting ? kGcIntervalRange : kConcurrencyRange, body,
             change);
}

void ChangeSettings(SettingsStore& settings, const RoutedRequest& request, const Respond& respond) {
  JsonBody body(request.http, {kLogLevelSetting, kGcIntervalSetting, kConcurrencySetting,
                               kReadOnly[0], kReadOnly[1], kReadOnly[2], kReadOnly[3], kReadOnly[4],
                               kReadOnly[5], kReadOnly[6]});
  std::vector<SettingChange> changes = ReadSettingChanges(body);
  if (body.refusal()) return respond(*body.refusal());
  settings.Change(std::move(changes), [respond](const StatusOr<json::object>& result) {
    respond(result.ok() ? JsonResponse(200, *result) : ErrorResponse(result.status()));
  });
}

}  // namespace

std::vector<SettingChange> ReadSettingChanges(JsonBody& body) {
  std::vector<SettingChange> changes;
  for (const auto& member : body.members()) {
    SettingChange change{.name = {member.key().data(), member.key().size()}, .value = {}};
    ReadChange(member.value(), body, change);
    changes.push_back(std::move(change));
  }
  return changes;
}

struct SettingsStore::Job {
  std::vector<SettingChange> changes;
  Done done;
  size_t next = 0;
};

void SettingsStore::Change(std::vector<SettingChange> changes, Done done) {
  const auto job = std::make_shared<Job>();
  job->changes = std::move(changes);
  job->done = std::move(done);
  Next(job);
}

// One after the other. The mirror hears of them a little later, so the answer adds them itself.
void SettingsStore::Next(const std::shared_ptr<Job>& job) {
  if (job->next == job->changes.size()) {
    MapMirror::Rows rows = mirror_.rows();
    for (const SettingChange& change : job->changes) {
      if (change.value.empty()) {
        rows.erase(change.name);
      } else {
        rows[change.name] = change.value;
      }
    }
    return job->done(Describe(rows));
  }
  const SettingChange& change = job->changes[job->next++];
  const auto written = [this, job, name = change.name](const Status& status) {
    if (!status.ok()) return job->done(Annotate(status, "changing " + name));
    logging::Info("admin", "setting changed", {{"setting", name}});
    Next(job);
  };
  if (change.value.empty()) {
    store_.Remove(kSettingsMap, change.name, written);
  } else {
    store_.Put(kSettingsMap, change.name, change.value, 0, written);
  }
}

json::object SettingsStore::Describe(const MapMirror::Rows& rows) const {
  const ClusterSettings settings = ReadClusterSettings(rows);
  return {{"nodeId", View(ReadableText(cluster_.self().id))},
          {"defaultOperationTimeoutMs", info_.operation_timeout_ms},
          {"maxConcurrentOperations",
           settings.max_concurrent_operations.value_or(info_.max_concurrent_operations)},
          {"gcIntervalMs", settings.gc_interval_ms.value_or(info_.gc_interval_ms)},
          {"partitionCount", kPartitions},
          {"host", View(ReadableText(info_.host))},
          {"port", cluster_.self().port},
          {"requireAuth", info_.require_auth},
          {"maxValueBytes", info_.max_value_bytes},
          {"logLevel", View(settings.log_level.value_or(info_.log_level))}};
}

void MountSettingsEndpoints(Router& router, const AdminAccess& access, SettingsStore& settings) {
  router.Add({.method = "GET",
              .path = "/api/admin/settings",
              .summary = "Settings of this gateway and of the cluster",
              .admin = true,
              .responses = {{200, "The settings"}}},
             access.Guard([&settings](const RoutedRequest&, const Respond& respond) {
               respond(JsonResponse(200, settings.Get()));
             }));
  router.Add({.method = "PUT",
              .path = "/api/admin/settings",
              .summary = "Changes settings of the cluster: logLevel, gcIntervalMs, "
                         "maxConcurrentOperations",
              .admin = true,
              .request_type = "application/json",
              .responses = {{200, "The settings as they are now"},
                            {400, "A field is read-only, unknown or wrong"}}},
             access.Guard([&settings](const RoutedRequest& request, const Respond& respond) {
               ChangeSettings(settings, request, respond);
             }));
}

}  // namespace topgun::gateway
