// topgunctl maps: the clients' maps with the number of their records, from a gateway or straight
// from a sync service.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "backend/health.h"
#include "backend/sync_reader.h"
#include "json/msgpack_json.h"
#include "table.h"
#include "verbs/verbs.h"
#include "wire/op.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

// As many as a gateway counts.
constexpr size_t kCountedMax = 1'000;

struct Row {
  SyncMap map;
  std::optional<uint64_t> records;  // nothing: not counted
};

bool IsShown(const SyncMap& map, bool all) {
  return all || (map.kind != state::CellKind::kCounter && !wire::IsReservedMapName(map.map) &&
                 !map.map.starts_with("$sys/"));
}

StatusOr<std::vector<Row>> ReadRows(const RpcClient& client, bool all) {
  ASSIGN_OR_RETURN(const std::vector<SyncMap> maps, ListMaps(client));
  std::vector<Row> rows;
  for (const SyncMap& map : maps) {
    if (IsShown(map, all)) rows.push_back({map, std::nullopt});
  }
  std::vector<Status> failures(std::min(rows.size(), kCountedMax));
  ForAll(failures.size(), [&](size_t i) {
    if (rows[i].map.kind == state::CellKind::kCounter) return;
    const auto records = CountMap(client, rows[i].map);
    failures[i] = records.status();
    if (records.ok()) rows[i].records = *records;
  });
  for (const Status& failure : failures) RETURN_IF_ERROR(failure);
  return rows;
}

json::object Describe(const Row& row) {
  json::object one{{"name", gateway::ReadableText(row.map.map)},
                   {"kind", Name(row.map.kind)},
                   {"entryCount", row.records.value_or(row.map.cells)},
                   {"cells", row.map.cells}};
  if (!row.records) one["approximate"] = true;
  return one;
}

// Removed and expired records are among the cells.
std::string CountText(const json::object& map) {
  const std::string count = FormatCount(map.at("entryCount").to_number<double>());
  return (map.contains("approximate") ? "at most " : "") + count;
}

// The first that is a sync service and answers.
StatusOr<RpcClient> FirstSync(const RpcDialer& dialer, const std::vector<RpcTarget>& targets) {
  Status failure = FailedPrecondition("none of the gRPC servers is a sync service's");
  for (const RpcTarget& target : targets) {
    RpcClient client = dialer.Dial(target);
    const RpcLook look = LookAt(client);
    // Who does not list its services may be one.
    if (look.reached.ok() && (!look.lists_services || Offers(look, kSyncService))) return client;
    if (!look.reached.ok()) failure = look.reached;
  }
  return failure;
}

StatusOr<RpcClient> ChooseSync(const Session& session, std::vector<RpcTarget> targets) {
  ASSIGN_OR_RETURN(const RpcDialer dialer, session.Dialer(targets));
  if (targets.size() == 1) return dialer.Dial(targets.front());
  return FirstSync(dialer, targets);
}

int RunOverRpc(const Session& session, std::vector<RpcTarget> targets, bool all) {
  const auto client = ChooseSync(session, std::move(targets));
  if (!client.ok()) return Fail(client.status());
  const auto rows = ReadRows(*client, all);
  if (!rows.ok()) return Fail(rows.status());
  json::array maps;
  for (const Row& row : *rows) maps.push_back(Describe(row));
  if (session.json()) {
    PrintJson(json::object{{"sync", client->target().name}, {"maps", std::move(maps)}});
    return kYes;
  }
  Table table({"MAP", "KIND", "RECORDS", "CELLS"});
  for (const json::value& map : maps) {
    table.Add({json::value_to<std::string>(map.at("name")),
               json::value_to<std::string>(map.at("kind")), CountText(map.as_object()),
               FormatCount(map.at("cells").to_number<double>())});
  }
  table.Print();
  return kYes;
}

// Any gateway answers for the whole cluster.
int RunOverGateway(const Session& session, const Gateway& gateway) {
  const auto answer = session.AskGateway(gateway, "/api/admin/maps");
  if (!answer.ok()) return Fail(answer.status());
  if (session.json()) {
    PrintJson(*answer);
    return kYes;
  }
  Table table({"MAP", "RECORDS"});
  for (const json::value& map : answer->at("maps").as_array()) {
    table.Add({json::value_to<std::string>(map.at("name")), CountText(map.as_object())});
  }
  table.Print();
  return kYes;
}

}  // namespace

int RunMaps(const Session& session, const MapsOptions& options) {
  const auto servers = session.rpc_targets();
  if (!servers.ok() && session.names_rpc()) return Fail(servers.status());
  if (!options.from.empty()) {
    const RpcTarget* const server = servers.ok() ? FindRpcTarget(*servers, options.from) : nullptr;
    if (server != nullptr) return RunOverRpc(session, {*server}, options.all);
    if (options.all) return Fail(InvalidArgument("--all: only a sync service tells of all maps"));
    const auto gateway = session.FindGateway(options.from);
    return gateway.ok() ? RunOverGateway(session, *gateway) : Fail(gateway.status());
  }
  const auto gateways = session.gateways();
  if (gateways.ok() && !options.all) return RunOverGateway(session, gateways->front());
  if (servers.ok()) return RunOverRpc(session, *servers, options.all);
  return Fail(options.all ? servers.status() : gateways.status());
}

}  // namespace topgun::ctl
