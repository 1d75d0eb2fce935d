#include "grpc_setup.h"

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>

#include <chrono>
#include <cstdlib>
#include <mutex>

#include "logging/logging.h"

namespace topgun::rpc {
namespace {

void LogLine(gpr_log_func_args* args) {
  static logging::RateLimit limit(std::chrono::milliseconds(100));
  uint64_t suppressed = 0;
  if (!limit.Allow(&suppressed)) return;
  logging::Warning("grpc", args->message,
                   {{"file", args->file}, {"line", args->line}, {"suppressed", suppressed}});
}

// A channel that carries no call is only driven by gRPC's backup poller, every 5 s by default: a
// server that has come back would be noticed that late, and a TLS handshake, which takes several
// rounds, would not end before its deadline. gRPC knows no channel argument for it.
void PollIdleChannelsOften() {
  constexpr int kKeepExisting = 0;
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", kKeepExisting);
}

// Debian's abseil is built with its checks: every lock that gRPC takes updates a graph of who waits
// for whom, under one lock for the whole process. We use no abseil mutex of our own.
void SkipDeadlockDetection() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace

void SetUpGrpc() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(LogLine);
    PollIdleChannelsOften();
    SkipDeadlockDetection();
  });
}

}  // namespace topgun::rpc
