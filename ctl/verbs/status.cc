// topgunctl status: every process in one line, and every gRPC server.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

#include "process.h"
#include "rpc_report.h"
#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

struct Gauge {
  const char* metric;
  const char* label;
  std::string (*format)(double);
};

// What an operator looks for first, by program.
std::vector<Gauge> GaugesOf(const std::string& program) {
  if (program == "topgun-gateway") {
    return {{"gateway_connections", "connections", &FormatCount},
            {"gateway_subscriptions", "subscriptions", &FormatCount},
            {"gateway_sync_replicas_up", "sync streams", &FormatCount},
            {"gateway_outbound_bytes", "queued", &FormatBytes}};
  }
  if (program == "topgun-sync") {
    return {{"sync_shards_open", "shards", &FormatCount},
            {"sync_queue_bytes", "queued", &FormatBytes},
            {"sync_watchers", "watchers", &FormatCount}};
  }
  return {{"storage_owned_shards", "shards", &FormatCount},
          {"storage_flush_lag_seconds", "lag", &FormatSeconds},
          {"storage_unflushed_bytes", "unflushed", &FormatBytes}};
}

std::string GaugeText(const Process& process) {
  std::string text;
  for (const Gauge& gauge : GaugesOf(process.program)) {
    const auto value = process.metrics.Sum(gauge.metric);
    if (!value) continue;
    text += (text.empty() ? "" : ", ") + std::string(gauge.label) + " " + gauge.format(*value);
  }
  return text;
}

json::object Describe(const Process& process) {
  json::object out{{"target", process.target.name},
                   {"url", process.target.url},
                   {"reachable", process.reached.ok()}};
  if (!process.reached.ok()) {
    out["error"] = std::string(Message(process.reached));
    return out;
  }
  out["program"] = process.program;
  out["name"] = process.name;
  out["version"] = process.version;
  out["revision"] = process.revision;
  out["uptime_seconds"] = process.uptime_seconds;
  out["ready"] = process.ready;
  out["readiness"] = process.readiness;
  json::object gauges;
  for (const Gauge& gauge : GaugesOf(process.program)) {
    if (const auto value = process.metrics.Sum(gauge.metric)) gauges[gauge.metric] = *value;
  }
  out["gauges"] = std::move(gauges);
  return out;
}

void PrintTable(const std::vector<Process>& processes) {
  Table table({"PROCESS", "PROGRAM", "VERSION", "UP", "READY", "NOW"});
  for (const Process& process : processes) {
    if (!process.reached.ok()) {
      table.Add({process.target.name, process.target.role, "-", "-", "unreachable",
                 std::string(Message(process.reached))});
      continue;
    }
    const std::string ready = process.ready ? "yes" : "no";
    const bool telling = !process.ready || process.readiness.find("degraded") != std::string::npos;
    std::string now = GaugeText(process);
    if (telling) now = process.readiness + (now.empty() ? "" : "; ") + now;
    table.Add({process.name, process.program, process.version,
               FormatSeconds(process.uptime_seconds), ready, now});
  }
  table.Print();
}

int ExitCode(const std::vector<Process>& processes, const std::vector<RpcLook>& servers) {
  const auto reached = [](const auto& one) { return one.reached.ok(); };
  if (!std::all_of(processes.begin(), processes.end(), reached)) return kUnreachable;
  if (!std::all_of(servers.begin(), servers.end(), reached)) return kUnreachable;
  const bool ready = std::all_of(processes.begin(), processes.end(),
                                 [](const Process& process) { return process.ready; });
  const bool serving = std::all_of(servers.begin(), servers.end(), [](const RpcLook& server) {
    return server.health == Health::kServing;
  });
  return ready && serving ? kYes : kNo;
}

}  // namespace

int RunStatus(const Session& session) {
  const auto targets = session.AllTargets();
  if (!targets.ok()) return Fail(targets.status());
  const auto servers = LookAtRpc(session, targets->rpc);
  if (!servers.ok()) return Fail(servers.status());
  const std::vector<Process> processes = LookAt(session, targets->admin);
  if (session.json()) {
    json::array list;
    for (const Process& process : processes) list.push_back(Describe(process));
    PrintJson(json::object{{"processes", std::move(list)}, {"grpc", Describe(*servers)}});
  } else {
    if (!processes.empty()) PrintTable(processes);
    if (!processes.empty() && !servers->empty()) std::printf("\n");
    if (!servers->empty()) PrintTable(*servers);
  }
  return ExitCode(processes, *servers);
}

}  // namespace topgun::ctl
