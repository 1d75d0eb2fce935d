#include "process.h"

#include <boost/json.hpp>
#include <chrono>
#include <utility>

namespace topgun::ctl {
namespace {

namespace json = boost::json;

std::string Text(const json::object& object, json::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

double Number(const json::object& object, json::string_view name) {
  const json::value* const value = object.if_contains(name);
  json::error_code error;
  const double number = value == nullptr ? 0 : value->to_number<double>(error);
  return error ? 0 : number;
}

double Seconds(std::chrono::system_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The process read its clock somewhere between our question and its answer; half way is the guess.
void Take(const HttpReply& reply, const json::object& status, Process& process) {
  process.program = Text(status, "program");
  process.name = Text(status, "name");
  process.version = Text(status, "version");
  process.revision = Text(status, "revision");
  process.uptime_seconds = Number(status, "uptime_seconds");
  process.round_trip_seconds = Seconds(reply.answered - reply.asked);
  const double middle = Seconds(reply.asked.time_since_epoch()) + process.round_trip_seconds / 2;
  process.clock_ahead_seconds = Number(status, "now_ms") / 1000 - middle;
  if (const json::value* const settings = status.if_contains("settings");
      settings != nullptr && settings->is_object()) {
    for (const auto& setting : settings->get_object()) {
      process.settings[std::string(setting.key().data(), setting.key().size())] =
          Text(settings->get_object(), setting.key());
    }
  }
  if (const json::value* const pending = status.if_contains("restart_pending");
      pending != nullptr && pending->is_array()) {
    for (const json::value& name : pending->get_array()) {
      process.restart_pending.push_back(json::value_to<std::string>(name));
    }
  }
}

Status Ask(const Session& session, Process& process) {
  const std::string& url = process.target.url;
  ASSIGN_OR_RETURN(const HttpReply status, session.http().Send({.url = url + "/statusz"}));
  json::error_code error;
  const json::value parsed = json::parse(status.body, error);
  if (status.status != 200 || error || !parsed.is_object()) {
    return Unavailable(url + " is no admin port of this version: GET /statusz answers " +
                       std::to_string(status.status));
  }
  Take(status, parsed.get_object(), process);
  ASSIGN_OR_RETURN(const HttpReply ready, session.http().Send({.url = url + "/readyz"}));
  process.ready = ready.status == 200;
  process.readiness = ready.body;
  while (process.readiness.ends_with('\n')) process.readiness.pop_back();
  ASSIGN_OR_RETURN(const HttpReply metrics, session.http().Send({.url = url + "/metrics"}));
  process.metrics = metrics::ParsePrometheusText(metrics.body);
  return OkStatus();
}

}  // namespace

std::vector<Process> LookAt(const Session& session, const std::vector<Target>& targets) {
  std::vector<Process> processes(targets.size());
  ForAll(targets.size(), [&](size_t i) {
    processes[i].target = targets[i];
    processes[i].reached = Ask(session, processes[i]);
  });
  return processes;
}

}  // namespace topgun::ctl
