// Reading the settings of a running process again.
//
//   control::Reloader reloader(registry, config.parsed.values, [&] {
//     auto fresh = std::make_shared<Config>();
//     control::Reloader::Plan plan{.parsed = ParseConfigAgain(config, *fresh)};
//     plan.apply = [&app, fresh] { app.Apply(*fresh); };
//     return plan;
//   });
//   signals.Wait([&] { reloader.Reload("SIGHUP"); });
//
// All or nothing: everything is read and checked before anything changes, and one wrong line
// refuses the whole reload. Of what is different the settings that are declared live take effect;
// the others are reported, with every reload and in a metric, until the process is restarted.
//
// Owned by the app. Any thread; one reload at a time. It reads small files, so it may take
// milliseconds.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "metrics/registry.h"

namespace topgun::control {

// What was noticed when the settings were read first; for when logging has been set up.
void LogWarnings(const config::ParseResult& parsed);

class Reloader {
 public:
  // What the settings would change as they are now.
  struct Plan {
    config::ParseResult parsed;   // with errors: nothing is changed
    std::function<void()> apply;  // makes the live ones effective; cannot fail
  };
  // Reads and checks, without any effect.
  using Prepare = std::function<Plan()>;

  struct Report {
    std::vector<config::Difference> applied;
    std::vector<config::Difference> pending;  // wait for a restart
    std::vector<std::string> errors;          // any: refused

    bool ok() const { return errors.empty(); }
  };

  // `running`: the values that the process was started with.
  Reloader(metrics::Registry& registry, std::vector<config::Value> running, Prepare prepare);
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // `cause` is for the log.
  Report Reload(std::string_view cause);

  // The values in effect, as --print-config shows them.
  std::string Shown() const;
  // One of them as text; empty for an unknown name.
  std::string Shown(std::string_view name) const;
  // Names of settings whose new value waits for a restart, as of the latest reload.
  std::vector<std::string> Pending() const;

 private:
  Report Apply(const Plan& plan);  // holds the mutex
  void Log(std::string_view cause, const Report& report) const;

  const Prepare prepare_;
  prometheus::Counter& applied_;
  prometheus::Counter& unchanged_;
  prometheus::Counter& refused_;
  prometheus::Gauge& last_success_;
  prometheus::Gauge& pending_count_;
  mutable std::mutex mutex_;
  std::vector<config::Value> running_;
  std::vector<std::string> pending_;
};

}  // namespace topgun::control
