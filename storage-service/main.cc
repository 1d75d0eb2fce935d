// topgun-storage: persists the feeds of the shards in Postgres, opens shards, serves hydration.
#include <cstdio>

#include "config.h"
#include "control/reloader.h"
#include "logging/logging.h"
#include "memory/trimmer.h"
#include "storage_app.h"

int main(int argc, char** argv) {
  topgun::rpc::SignalWaiter signals;  // before any thread
  topgun::storage::Config config;
  const auto parsed = topgun::storage::ParseConfig(argc, argv, &config);
  if (!parsed.proceed && !config.print_metrics_doc) return parsed.exit_code;
  topgun::logging::Init("storage", *topgun::logging::ParseLevel(config.log_level));
  topgun::control::LogWarnings(parsed);

  topgun::metrics::Registry registry("topgun-storage");
  const topgun::memory::Trimmer trimmer(registry);
  topgun::storage::StorageApp app(config, registry);
  if (config.print_metrics_doc) {
    std::fputs(topgun::metrics::RenderDoc(registry).c_str(), stdout);
    return 0;
  }
  return app.Run(signals);
}
