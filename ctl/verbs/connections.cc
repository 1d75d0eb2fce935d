// topgunctl connections: who is connected, and closing one.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

constexpr size_t kPageMax = 1'000;  // what a gateway gives at once

std::string TextOf(const json::object& entry, json::string_view name) {
  return json::value_to<std::string>(entry.at(name));
}

double NumberOf(const json::object& entry, json::string_view name) {
  return entry.at(name).to_number<double>();
}

// Appends at most `options.limit` in all; true when there are more.
StatusOr<bool> ListOf(const Session& session, const Target& gateway,
                      const ConnectionsOptions& options, json::array& out) {
  std::string cursor = "0.0";
  while (out.size() < options.limit) {
    const size_t wanted = std::min(kPageMax, options.limit - out.size());
    std::string path = "/connections?limit=" + std::to_string(wanted) + "&after=" + cursor;
    if (!options.subject.empty()) path += "&subject=" + EncodePercent(options.subject);
    ASSIGN_OR_RETURN(const json::value page, session.AskAdmin(gateway, path));
    for (const json::value& entry : page.at("connections").as_array()) {
      json::object connection = entry.as_object();
      connection["gateway"] = gateway.name;
      out.push_back(std::move(connection));
    }
    if (page.at("next").is_null()) return false;
    cursor = json::value_to<std::string>(page.at("next"));
  }
  return true;
}

void PrintTable(const json::array& connections) {
  Table table({"CONNECTION", "SUBJECT", "AGE", "QUERIES", "QUEUED", "WRITES"});
  for (const json::value& value : connections) {
    const json::object& entry = value.as_object();
    const bool authenticated = entry.at("authenticated").as_bool();
    std::string subject = TextOf(entry, "subject");
    if (subject.empty()) subject = authenticated ? "-" : "(not authenticated)";
    table.Add({TextOf(entry, "gateway") + "/" + TextOf(entry, "id"), subject,
               FormatSeconds(NumberOf(entry, "age_seconds")),
               FormatCount(NumberOf(entry, "subscriptions")),
               FormatBytes(NumberOf(entry, "queued_bytes")),
               entry.at("unacknowledged").as_bool() ? "unacknowledged" : "-"});
  }
  table.Print();
}

}  // namespace

int RunConnections(const Session& session, const ConnectionsOptions& options) {
  const auto gateways = session.GatewayTargets();
  if (!gateways.ok()) return Fail(gateways.status());
  json::array connections;
  bool more = false;
  for (const Target& gateway : *gateways) {
    const auto cut = ListOf(session, gateway, options, connections);
    if (!cut.ok()) return Fail(cut.status());
    more = more || *cut;
  }
  if (session.json()) {
    PrintJson(json::object{{"connections", std::move(connections)}, {"more", more}});
    return kYes;
  }
  PrintTable(connections);
  if (more) {
    std::fprintf(stderr, "topgunctl: there are more than these %zu; --limit N shows more\n",
                 connections.size());
  }
  return kYes;
}

int RunConnectionsKill(const Session& session, const std::string& which) {
  const size_t slash = which.rfind('/');
  if (slash == std::string::npos) {
    return Fail(InvalidArgument("a connection is GATEWAY/ID as `topgunctl connections` shows it"));
  }
  const auto targets = session.admin_targets();
  if (!targets.ok()) return Fail(targets.status());
  const auto gateway = FindTarget(*targets, which.substr(0, slash));
  if (!gateway.ok()) return Fail(gateway.status());
  const std::string path = "/connections/close?id=" + EncodePercent(which.substr(slash + 1));
  const auto closed = session.AskAdmin(*gateway, path, "POST");
  if (closed.status().code() == StatusCode::kNotFound) {
    Fail(closed.status());
    return kNo;
  }
  if (!closed.ok()) return Fail(closed.status());
  if (session.json()) {
    PrintJson(*closed);
  } else {
    std::printf("closed %s; its client may connect again\n", which.c_str());
  }
  return kYes;
}

}  // namespace topgun::ctl
