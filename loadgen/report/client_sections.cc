#include "report/client_sections.h"

#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kNameWidth = 29;

std::string Row(const std::string& name, const std::string& value) {
  return "  " + PadRight(name, kNameWidth) + value + "\n";
}

std::string MemoryRow(const FleetReport::Memory& memory, uint64_t connections) {
  const auto size = [](const std::optional<ProcessMemory>& sample) {
    return sample ? Bytes(static_cast<double>(sample->rss_bytes)) : std::string("gone");
  };
  std::string text = size(memory.before) + " before, " + size(memory.opened) + " opened, " +
                     size(memory.held) + " at the end";
  if (const auto each = FleetReport::BytesPerConnection(memory, connections)) {
    text += ": " + Bytes(*each) + " per connection";
  }
  return Row("RSS of " + memory.name, text);
}

std::string StormRows(const FleetReport& fleet, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(fleet.cycles) / seconds : 0;
  std::string text = Row("connections/s served", Grouped(rate) + "   (" + Grouped(fleet.cycles) +
                                                     " in " + Fixed(seconds, 1) + " s)");
  text += Row("failed", Grouped(fleet.cycles_failed));
  if (fleet.cycles_late > 0) {
    text += Row("never begun", Grouped(fleet.cycles_late) + ": all clients were busy");
  }
  return text;
}

boost::json::value MemoryJson(const std::optional<ProcessMemory>& sample) {
  if (!sample) return nullptr;
  return {{"rss_bytes", sample->rss_bytes}, {"pss_bytes", sample->pss_bytes}};
}

}  // namespace

std::string MerkleTable(const MerkleReport& merkle) {
  std::string text = Row("map", merkle.map + ", " + Grouped(merkle.keys) + " keys");
  text += Row("keys that a client lacks", Grouped(merkle.behind));
  text += Row("first sync, by an empty one", Fixed(merkle.first_sync_ms, 1) + " ms");
  text += Row("syncs", Grouped(merkle.syncs));
  text += Row("round trips per sync", Grouped(uint64_t{merkle.round_trips}));
  text += Row("frames per sync up, down", Fixed(merkle.PerSync(merkle.frames_sent), 1) + ", " +
                                              Fixed(merkle.PerSync(merkle.frames_received), 1));
  text += Row("bytes per sync up, down", Bytes(merkle.PerSync(merkle.bytes_sent)) + ", " +
                                             Bytes(merkle.PerSync(merkle.bytes_received)));
  text += Row("records per sync", Fixed(merkle.PerSync(merkle.records), 1));
  return text + Row("unfinished, other root",
                    Grouped(merkle.unfinished) + ", " + Grouped(merkle.mismatches));
}

std::string FleetTable(const FleetReport& fleet, double seconds) {
  if (fleet.cycles + fleet.cycles_failed + fleet.cycles_late > 0) return StormRows(fleet, seconds);
  std::string text = Row("connections", Grouped(fleet.connections) + ", opened in " +
                                            Fixed(fleet.open_seconds, 1) + " s, held for " +
                                            Fixed(seconds, 1) + " s");
  text += Row("lost while held", Grouped(fleet.lost));
  if (fleet.silent > 0) {
    text += Row("silent, closed by the server",
                Grouped(fleet.silent) + ", " + Grouped(fleet.silent_closed));
  }
  for (const FleetReport::Memory& memory : fleet.memory) {
    text += MemoryRow(memory, fleet.connections);
  }
  return text;
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
