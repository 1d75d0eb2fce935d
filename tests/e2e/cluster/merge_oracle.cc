// Merges operations with lib/crdt and prints the outcome: what every server and subscriber has to
// agree with.
//
// stdin: one JSON object per line,
// {"kind":"put|remove|or_add|or_remove","map","key","tag","millis","counter","node","value"};
// `value` is text that is compared, not interpreted. stdout:
// {"lww":{map:{key:value}},"or":{map:{tag:{"key","value"}}}}.
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <boost/json.hpp>

#include "base/clock.h"
#include "crdt/lww_map.h"
#include "crdt/or_map.h"

namespace {

namespace json = boost::json;
using topgun::crdt::HybridLogicalClock;
using topgun::crdt::LwwMap;
using topgun::crdt::OrMap;
using topgun::crdt::Timestamp;

std::string Text(const json::object& op, const char* name) {
  const json::value* value = op.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

class Oracle {
 public:
  void Apply(const json::object& op) {
    const std::string kind = Text(op, "kind");
    const std::string key = Text(op, "key");
    const Timestamp timestamp(op.at("millis").to_number<int64_t>(),
                              op.at("counter").to_number<int64_t>(), Text(op, "node"));
    if (kind == "put" || kind == "remove") {
      Lww(Text(op, "map"))
          .Merge(key, {Text(op, "value"), timestamp, std::nullopt, kind == "remove"});
    } else if (kind == "or_add") {
      Or(Text(op, "map")).Apply(key, {Text(op, "value"), timestamp, Text(op, "tag"), std::nullopt});
    } else {
      Or(Text(op, "map")).ApplyTombstone(Text(op, "tag"), key);
    }
  }

  json::object Result() const {
    json::object lww;
    for (const auto& [name, map] : lww_) {
      json::object& out = lww[name].emplace_object();
      for (const auto& [key, record] : map->records()) {
        if (!record.tombstone) out[key] = record.value;
      }
    }
    json::object ors;
    for (const auto& [name, map] : or_) {
      json::object& out = ors[name].emplace_object();
      for (const auto& [key, records] : map->records()) {
        for (const auto& record : records)
          out[record.tag] = {{"key", key}, {"value", record.value}};
      }
    }
    return {{"lww", std::move(lww)}, {"or", std::move(ors)}};
  }

 private:
  LwwMap& Lww(const std::string& name) {
    auto& map = lww_[name];
    if (map == nullptr) map = std::make_unique<LwwMap>(clock_);
    return *map;
  }
  OrMap& Or(const std::string& name) {
    auto& map = or_[name];
    if (map == nullptr) map = std::make_unique<OrMap>(clock_, OrMap::Role::kServer);
    return *map;
  }

  topgun::SystemClock wall_;
  HybridLogicalClock clock_{"oracle", wall_};
  std::map<std::string, std::unique_ptr<LwwMap>> lww_;
  std::map<std::string, std::unique_ptr<OrMap>> or_;
};

}  // namespace

int main() {
  Oracle oracle;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!line.empty()) oracle.Apply(json::parse(line).as_object());
  }
  std::cout << json::serialize(oracle.Result()) << "\n";
  return 0;
}
