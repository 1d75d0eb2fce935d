#include "options/http_sync.h"

#include <string>

#include "options/scenario.h"

namespace topgun::loadgen {
namespace {

constexpr uint32_t kBatchMax = 10'000;  // that an endpoint takes (docs/http.md)
constexpr uint32_t kWindow = 1;         // HTTP/1.1: one request after the other

Status Refuse(const std::string& option, const std::string& why) {
  return InvalidArgument("--http-sync does not go with " + option + ": " + why);
}

}  // namespace

Status FinishHttpSync(Config& config) {
  if (FindScenario(config.scenario)->kind != ScenarioKind::kLoad) {
    return Refuse("--scenario " + config.scenario, "its clients are those of the WebSocket");
  }
  if (config.clients.subscribers > 0) {
    return Refuse("--subscribers", "nothing is subscribed to over HTTP; say --subscribers 0");
  }
  if (config.faults.slow_readers > 0) {
    return Refuse("--slow-reader", "nothing is subscribed to over HTTP");
  }
  if (config.faults.half_open > 0) {
    return Refuse("--half-open", "it is about the heartbeat of idle WebSockets");
  }
  if (config.data.mix.reads() > 0) {
    return Refuse("--mix with queries", "live queries need a WebSocket");
  }
  if (config.load.write_concern) {
    return Refuse("--write-concern", "POST /sync acknowledges what is applied, at no other level");
  }
  if (config.faults.resend == Resend::kFull) {
    return Refuse("--resend full", "there is one request at a time");
  }
  if (config.faults.duplicate > 0) {
    return Refuse("--duplicate", "there is one request at a time");
  }
  if (config.faults.reorder > 0) {
    return Refuse("--reorder", "there is one request at a time");
  }
  if (config.load.batch > kBatchMax) {
    return Refuse("--batch " + std::to_string(config.load.batch),
                  "a request has at most " + std::to_string(kBatchMax) + " operations");
  }
  const uint32_t usual = LoadConfig().inflight;
  if (config.load.inflight != kWindow && config.load.inflight != usual) {
    return Refuse("--inflight " + std::to_string(config.load.inflight),
                  "a connection has one request at a time; use more --connections");
  }
  config.load.inflight = kWindow;
  return OkStatus();
}

}  // namespace topgun::loadgen
