#include "rpc_report.h"

#include <boost/json.hpp>
#include <map>
#include <string>
#include <utility>

#include "table.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

json::object Describe(const RpcLook& look) {
  json::object out{{"target", look.target.name},
                   {"address", look.target.address},
                   {"reachable", look.reached.ok()}};
  if (!look.reached.ok()) {
    out["error"] = std::string(Message(look.reached));
    return out;
  }
  out["health"] = Name(look.health);
  out["round_trip_seconds"] = look.round_trip_seconds;
  out["reflection"] = look.lists_services;
  json::array services;
  for (const RpcService& service : look.services) {
    services.push_back(json::object{{"name", service.name}, {"health", Name(service.health)}});
  }
  out["services"] = std::move(services);
  return out;
}

// "topgun.sync.v1.Sync", with the health behind it where it differs from the server's.
std::string ServicesText(const RpcLook& look) {
  if (!look.lists_services) return "not listed (no reflection)";
  std::string text;
  for (const RpcService& service : look.services) {
    text += (text.empty() ? "" : ", ") + service.name;
    if (service.health != look.health) text += std::string(" ") + Name(service.health);
  }
  return text;
}

// Of a service that says so itself, when the server as a whole says something else.
std::string NotServing(const RpcLook& look) {
  if (look.health != Health::kServing) return std::string("the server is ") + Name(look.health);
  for (const RpcService& service : look.services) {
    if (service.health == Health::kNotServing) return service.name + " is NOT_SERVING";
  }
  return {};
}

}  // namespace

StatusOr<std::vector<RpcLook>> LookAtRpc(const Session& session,
                                         const std::vector<RpcTarget>& targets) {
  std::vector<RpcLook> looks(targets.size());
  if (targets.empty()) return looks;
  ASSIGN_OR_RETURN(const RpcDialer dialer, session.Dialer(targets));
  ForAll(targets.size(), [&](size_t i) { looks[i] = LookAt(dialer.Dial(targets[i])); });
  return looks;
}

json::array Describe(const std::vector<RpcLook>& looks) {
  json::array list;
  for (const RpcLook& look : looks) list.push_back(Describe(look));
  return list;
}

void PrintTable(const std::vector<RpcLook>& looks) {
  Table table({"GRPC", "ADDRESS", "HEALTH", "ROUND TRIP", "SERVICES"});
  for (const RpcLook& look : looks) {
    if (!look.reached.ok()) {
      table.Add({look.target.name, look.target.address, "unreachable", "-",
                 std::string(Message(look.reached))});
      continue;
    }
    table.Add({look.target.name, look.target.address, Name(look.health),
               FormatSeconds(look.round_trip_seconds), ServicesText(look)});
  }
  table.Print();
}

std::vector<Finding> Judge(const std::vector<RpcLook>& looks) {
  std::vector<Finding> findings;
  std::map<std::string, size_t> serving;
  bool all_well = true;
  for (const RpcLook& look : looks) {
    const std::string wrong = look.reached.ok() ? NotServing(look) : "";
    if (!look.reached.ok()) {
      findings.push_back({Severity::kProblem, "grpc", std::string(Message(look.reached)),
                          "see whether it runs, whether this machine may reach its gRPC port, and "
                          "the certificates of both ends"});
    } else if (!wrong.empty()) {
      findings.push_back({Severity::kProblem, "grpc", look.target.name + ": " + wrong,
                          "it starts, drains, or does not reach its stores: see topgunctl status "
                          "and its log"});
    }
    all_well = all_well && look.reached.ok() && wrong.empty();
    for (const RpcService& service : look.services) ++serving[service.name];
  }
  if (looks.empty() || !all_well) return findings;
  std::string measured = std::to_string(looks.size()) + " gRPC servers are SERVING";
  for (const auto& [name, count] : serving) {
    measured += ", " + std::to_string(count) + " " + name;
  }
  findings.push_back({Severity::kOk, "grpc", std::move(measured), {}});
  return findings;
}

}  // namespace topgun::ctl
