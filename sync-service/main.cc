// topgun-sync: see README.md for what it does and app/sync_app.cc for how it is put together.
#include <cstdio>

#include "app/config.h"
#include "app/sync_app.h"
#include "control/reloader.h"
#include "logging/logging.h"
#include "memory/trimmer.h"
#include "metrics/registry.h"
#include "rpc/shutdown.h"

int main(int argc, char** argv) {
  topgun::rpc::SignalWaiter signals;  // before any thread
  topgun::sync::Config config;
  if (const auto parsed = topgun::sync::ParseConfig(argc, argv, config); !parsed.proceed) {
    return parsed.exit_code;
  }
  const auto level = topgun::logging::ParseLevel(config.log_level);
  topgun::logging::Init("topgun-sync", level.ok() ? *level : topgun::logging::Level::kInfo);
  topgun::control::LogWarnings(config.parsed);
  const bool print_metrics_doc = config.print_metrics_doc;
  topgun::metrics::Registry registry("topgun-sync");
  const topgun::memory::Trimmer trimmer(registry);
  topgun::sync::SyncApp app(std::move(config), registry);
  if (print_metrics_doc) {
    std::fputs(topgun::metrics::RenderDoc(registry).c_str(), stdout);
    return 0;
  }
  return app.Run(signals);
}
