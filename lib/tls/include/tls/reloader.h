// Keeps credentials up to date with their files while the process runs.
//
//   tls::Reloader reloader(registry);
//   ASSIGN_OR_RETURN(const auto contexts,
//                    tls::WatchServerContext(reloader, "clients", files, rules));
//   ... contexts->Current() for every new connection; connections that exist keep theirs.
//
// A thread reads the files every few seconds and compares what they hold, which notices renamed,
// rewritten and symlinked files (Kubernetes swaps a link above a mounted secret) alike. What is new
// is taken when it is complete: certificate and key fit together. Until then, and while it is
// broken, the old credentials stay; broken contents are logged and counted once they are seen twice
// in a row, because files are often written one after the other.
//
// Metrics, by `use`: tls_certificate_expiry_timestamp_seconds, tls_ca_expiry_timestamp_seconds,
// tls_reloads_total{outcome}.
//
// Owned by the app and outlived by the registry. The thread starts with the first Watch() and ends
// with the destructor. All functions may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "metrics/registry.h"
#include "tls/context.h"
#include "tls/credentials.h"

namespace topgun::tls {

class Reloader {
 public:
  // Takes new credentials into use. An error refuses them: the old ones stay. Runs on the thread of
  // the reloader, or on that of CheckNow(), one at a time; must not call the reloader.
  using OnChange = std::function<Status(const Credentials&)>;

  explicit Reloader(metrics::Registry& registry,
                    std::chrono::milliseconds every = std::chrono::seconds(5));
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Loads `files` now and gives them to `on_change` before it returns, then whenever they change.
  // An error: they cannot be used, and are not watched. `use` says what for, from a closed set.
  Status Watch(const std::string& use, TlsFiles files, OnChange on_change);

  // Does now what the thread does next.
  void CheckNow();

  // For the documentation of a process that watches nothing at the moment.
  static void DeclareMetrics(metrics::Registry& registry);

 private:
  struct Watched;

  void Run(const std::stop_token& stop);

  metrics::Registry& registry_;
  const std::chrono::milliseconds every_;
  std::mutex mutex_;  // of all below
  std::vector<std::unique_ptr<Watched>> watched_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it ends first
};

// The context that new connections use.
class ContextSource {
 public:
  explicit ContextSource(ContextPtr context) : context_(std::move(context)) {}

  ContextPtr Current() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void Replace(ContextPtr context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable std::mutex mutex_;
  ContextPtr context_;
};

// For files that somebody else loads anew by itself: only metrics and log lines. Nothing to do when
// there are none.
Status WatchExpiry(Reloader& reloader, const std::string& use, const TlsFiles& files);

StatusOr<std::shared_ptr<const ContextSource>> WatchServerContext(Reloader& reloader,
                                                                  const std::string& use,
                                                                  const TlsFiles& files,
                                                                  const ServerRules& rules);
StatusOr<std::shared_ptr<const ContextSource>> WatchClientContext(Reloader& reloader,
                                                                  const std::string& use,
                                                                  const TlsFiles& files,
                                                                  const ClientRules& rules);

}  // namespace topgun::tls
