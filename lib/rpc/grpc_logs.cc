#include "grpc_logs.h"

#include <grpc/support/log.h>

#include <chrono>
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

}  // namespace

void RouteGrpcLogs() {
  static std::once_flag once;
  std::call_once(once, [] { gpr_set_log_function(LogLine); });
}

}  // namespace topgun::rpc
