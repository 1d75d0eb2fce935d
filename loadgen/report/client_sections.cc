#include "report/client_sections.h"

#include "report/text.h"

namespace topgun::loadgen {
namespace {

using Row = std::vector<std::string>;

Row MemoryRow(const FleetReport::Memory& memory, uint64_t connections) {
  const auto size = [](const std::optional<ProcessMemory>& sample) {
    return sample ? Bytes(static_cast<double>(sample->rss_bytes)) : std::string("gone");
  };
  std::string text = size(memory.before) + " before, " + size(memory.opened) + " opened, " +
                     size(memory.held) + " at the end";
  if (const auto each = FleetReport::BytesPerConnection(memory, connections)) {
    text += ": " + Bytes(*each) + " per connection";
  }
  return {"RSS of " + memory.name, text};
}

Table StormTable(const FleetReport& fleet, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(fleet.cycles) / seconds : 0;
  Table table{"Clients", {}, {}, true};
  table.rows.push_back({"connections/s served", Grouped(rate) + "   (" + Grouped(fleet.cycles) +
                                                    " in " + Fixed(seconds, 1) + " s)"});
  table.rows.push_back({"failed", Grouped(fleet.cycles_failed)});
  if (fleet.cycles_late > 0) {
    table.rows.push_back({"never begun", Grouped(fleet.cycles_late) + ": all clients were busy"});
  }
  return table;
}

boost::json::value MemoryJson(const std::optional<ProcessMemory>& sample) {
  if (!sample) return nullptr;
  return {{"rss_bytes", sample->rss_bytes}, {"pss_bytes", sample->pss_bytes}};
}

}  // namespace

Table MerkleTable(const MerkleReport& merkle) {
  Table table{"Syncs", {}, {}, true};
  table.rows.push_back({"map", merkle.map + ", " + Grouped(merkle.keys) + " keys"});
  table.rows.push_back({"keys that a client lacks", Grouped(merkle.behind)});
  table.rows.push_back({"first sync, by an empty one", Fixed(merkle.first_sync_ms, 1) + " ms"});
  table.rows.push_back({"syncs", Grouped(merkle.syncs)});
  table.rows.push_back({"round trips per sync", Grouped(uint64_t{merkle.round_trips})});
  table.rows.push_back(
      {"frames per sync up, down", Fixed(merkle.PerSync(merkle.frames_sent), 1) + ", " +
                                       Fixed(merkle.PerSync(merkle.frames_received), 1)});
  table.rows.push_back(
      {"bytes per sync up, down", Bytes(merkle.PerSync(merkle.bytes_sent)) + ", " +
                                      Bytes(merkle.PerSync(merkle.bytes_received))});
  table.rows.push_back({"records per sync", Fixed(merkle.PerSync(merkle.records), 1)});
  table.rows.push_back(
      {"unfinished, other root", Grouped(merkle.unfinished) + ", " + Grouped(merkle.mismatches)});
  return table;
}

Table FleetTable(const FleetReport& fleet, double seconds) {
  if (fleet.cycles + fleet.cycles_failed + fleet.cycles_late > 0) return StormTable(fleet, seconds);
  Table table{"Connections", {}, {}, true};
  table.rows.push_back({"connections", Grouped(fleet.connections) + ", opened in " +
                                           Fixed(fleet.open_seconds, 1) + " s, held for " +
                                           Fixed(seconds, 1) + " s"});
  table.rows.push_back({"lost while held", Grouped(fleet.lost)});
  if (fleet.silent > 0) {
    table.rows.push_back({"silent, closed by the server",
                          Grouped(fleet.silent) + ", " + Grouped(fleet.silent_closed)});
  }
  for (const FleetReport::Memory& memory : fleet.memory) {
    table.rows.push_back(MemoryRow(memory, fleet.connections));
  }
  return table;
}

Table ClientAgentsTable(const RunReport& report) {
  const bool storm = report.fleet && report.fleet->cycles > 0;
  const char* const unit = report.merkle ? "syncs" : storm ? "clients" : "connections";
  Table table{"Agents", {unit, "busiest"}, {}};
  for (const AgentSummary& agent : report.agents) {
    table.rows.push_back(
        {agent.name, Grouped(agent.work), Fixed(100 * agent.busiest_thread, 0) + " %"});
  }
  return table;
}

boost::json::object MerkleJson(const MerkleReport& merkle) {
  return {{"map", merkle.map},
          {"keys", merkle.keys},
          {"behind", merkle.behind},
          {"first_sync_ms", merkle.first_sync_ms},
          {"syncs", merkle.syncs},
          {"round_trips", merkle.round_trips},
          {"frames_sent_per_sync", merkle.PerSync(merkle.frames_sent)},
          {"frames_received_per_sync", merkle.PerSync(merkle.frames_received)},
          {"bytes_sent_per_sync", merkle.PerSync(merkle.bytes_sent)},
          {"bytes_received_per_sync", merkle.PerSync(merkle.bytes_received)},
          {"records_per_sync", merkle.PerSync(merkle.records)},
          {"unfinished", merkle.unfinished},
          {"mismatches", merkle.mismatches},
          {"keys_missing", merkle.keys_missing},
          {"passed", merkle.passed()}};
}

boost::json::object FleetJson(const FleetReport& fleet) {
  boost::json::object memory;
  for (const FleetReport::Memory& each : fleet.memory) {
    const auto per_connection = FleetReport::BytesPerConnection(each, fleet.connections);
    memory[each.name] = {{"before", MemoryJson(each.before)},
                         {"opened", MemoryJson(each.opened)},
                         {"held", MemoryJson(each.held)},
                         {"rss_bytes_per_connection",
                          per_connection ? boost::json::value(*per_connection) : nullptr}};
  }
  return {{"connections", fleet.connections},
          {"open_seconds", fleet.open_seconds},
          {"lost", fleet.lost},
          {"silent", fleet.silent},
          {"silent_closed", fleet.silent_closed},
          {"cycles", fleet.cycles},
          {"cycles_failed", fleet.cycles_failed},
          {"cycles_late", fleet.cycles_late},
          {"memory", memory}};
}

}  // namespace topgun::loadgen
