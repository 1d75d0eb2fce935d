#include "control/reloader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "logging/logging.h"

namespace topgun::control {
namespace {

constexpr std::string_view kComponent = "reload";
constexpr char kReloads[] = "topgun_config_reloads_total";
constexpr char kReloadsHelp[] = "Settings read again, by what came of it.";

double NowSeconds() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return now.count();
}

}  // namespace

void LogWarnings(const config::ParseResult& parsed) {
  for (const std::string& warning : parsed.warnings) logging::Warning("config", warning);
}

Reloader::Reloader(metrics::Registry& registry, std::vector<config::Value> running, Prepare prepare)
    : prepare_(std::move(prepare)),
      applied_(registry.AddCounter(kReloads, kReloadsHelp, {{"outcome", "applied"}})),
      unchanged_(registry.AddCounter(kReloads, kReloadsHelp, {{"outcome", "unchanged"}})),
      refused_(registry.AddCounter(kReloads, kReloadsHelp, {{"outcome", "refused"}})),
      last_success_(registry.AddGauge(
          "topgun_config_last_success_timestamp_seconds",
          "When the settings were last read without an error, at the start or by a reload.")),
      pending_count_(registry.AddGauge(
          "topgun_config_restart_pending",
          "Settings whose new value waits for a restart, as of the latest reload.")),
      running_(std::move(running)) {
  last_success_.Set(NowSeconds());
}

Reloader::Report Reloader::Reload(std::string_view cause) {
  const std::lock_guard lock(mutex_);
  const Report report = Apply(prepare_());
  Log(cause, report);
  return report;
}

Reloader::Report Reloader::Apply(const Plan& plan) {
  Report report{.applied = {}, .pending = {}, .errors = plan.parsed.errors};
  if (!report.ok()) {
    refused_.Increment();
    return report;
  }
  for (config::Difference& difference : config::Compare(running_, plan.parsed.values)) {
    (difference.live ? report.applied : report.pending).push_back(std::move(difference));
  }
  if (!report.applied.empty()) plan.apply();
  for (size_t i = 0; i < std::min(running_.size(), plan.parsed.values.size()); ++i) {
    if (running_[i].live) running_[i] = plan.parsed.values[i];
  }
  pending_.clear();
  for (const config::Difference& difference : report.pending) pending_.push_back(difference.name);
  (report.applied.empty() ? unchanged_ : applied_).Increment();
  last_success_.Set(NowSeconds());
  pending_count_.Set(static_cast<double>(pending_.size()));
  return report;
}

void Reloader::Log(std::string_view cause, const Report& report) const {
  for (const std::string& error : report.errors) {
    logging::Error(kComponent, "refused, nothing was changed",
                   {{"cause", cause}, {"error", error}});
  }
  if (!report.ok()) return;
  for (const config::Difference& change : report.applied) {
    logging::Info(kComponent, "setting changed",
                  {{"setting", change.name}, {"before", change.before}, {"after", change.after}});
  }
  for (const config::Difference& change : report.pending) {
    logging::Warning(
        kComponent, "setting waits for a restart",
        {{"setting", change.name}, {"before", change.before}, {"after", change.after}});
  }
  logging::Info(kComponent, "settings read again",
                {{"cause", cause},
                 {"changed", report.applied.size()},
                 {"waiting_for_restart", report.pending.size()}});
}

std::string Reloader::Shown() const {
  const std::lock_guard lock(mutex_);
  return config::RenderValues(running_);
}

std::string Reloader::Shown(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(running_.begin(), running_.end(),
                                  [&](const config::Value& value) { return value.name == name; });
  return found == running_.end() ? std::string() : found->shown;
}

std::vector<std::string> Reloader::Pending() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

}  // namespace topgun::control
