// topgun-gateway: see README.md for what it does and gateway_app.cc for how it is put together.
#include <cstdio>

#include "config.h"
#include "control/reloader.h"
#include "discovery/resolver.h"
#include "dispatch/counter_probe.h"
#include "dispatch/journal/journal_probe.h"
#include "dispatch/topic_probe.h"
#include "gateway_app.h"
#include "http/http_probe.h"
#include "live/live_query_probe.h"
#include "logging/logging.h"
#include "memory/trimmer.h"
#include "metrics/registry.h"
#include "probe.h"
#include "rpc/shutdown.h"
#include "search/search_probe.h"
#include "tls/reloader.h"
#include "ws/connections_max.h"
#include "ws/tls_probe.h"

int main(int argc, char** argv) {
  topgun::rpc::SignalWaiter signals;  // before any thread
  topgun::gateway::Config config;
  const auto parsed = topgun::gateway::ParseConfig(argc, argv, config);
  topgun::metrics::Registry registry("topgun-gateway");
  const topgun::memory::Trimmer trimmer(registry);
  if (config.print_metrics_doc) {
    const topgun::gateway::Probe probe(registry, 0);
    const topgun::gateway::CounterProbe counter_probe(registry);
    const topgun::gateway::JournalProbe journal_probe(registry);
    const topgun::gateway::LiveQueryProbe live_query_probe(registry);
    const topgun::gateway::SearchProbe search_probe(registry, 0);
    const topgun::gateway::TopicProbe topic_probe(registry);
    const topgun::gateway::HttpProbe http_probe(registry, 0);
    const topgun::gateway::TlsProbe tls_probe(registry);
    topgun::gateway::ShowConnectionsMax(registry, config.connections_max);
    topgun::tls::Reloader::DeclareMetrics(registry);
    const topgun::control::Reloader reloader(registry, {}, {});
    const topgun::discovery::Resolver resolver({.service = "sync"}, {}, registry);
    const topgun::tracing::Recorder spans(config.tracing, {}, registry);
    std::fputs(topgun::metrics::RenderDoc(registry).c_str(), stdout);
    return 0;
  }
  if (!parsed.proceed) return parsed.exit_code;
  const auto level = topgun::logging::ParseLevel(config.log_level);
  topgun::logging::Init("topgun-gateway", level.ok() ? *level : topgun::logging::Level::kInfo);

  topgun::control::LogWarnings(parsed);

  topgun::gateway::GatewayApp app(std::move(config), registry);
  if (const auto status = app.Start(); !status.ok()) {
    topgun::logging::Error("gateway", "cannot start", {{"reason", topgun::Message(status)}});
    return 1;
  }
  // Test harnesses and supervisors wait for this line (core.md 2.10).
  std::printf("PORT=%u\n", static_cast<unsigned>(app.port()));
  std::fflush(stdout);
  signals.Wait([&app] { app.reloader().Reload("SIGHUP"); });
  return app.Stop();
}
