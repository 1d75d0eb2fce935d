// topgunctl subscriptions: which maps are watched by how many connections, over all gateways.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <map>
#include <utility>

#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

struct Watched {
  int64_t connections = 0;
  int64_t gateways = 0;
};

}  // namespace

int RunSubscriptions(const Session& session) {
  const auto gateways = session.GatewayTargets();
  if (!gateways.ok()) return Fail(gateways.status());
  std::map<std::string, Watched> maps;
  bool cut = false;
  for (const Target& gateway : *gateways) {
    const auto answer = session.AskAdmin(gateway, "/subscriptions?limit=1000");
    if (!answer.ok()) return Fail(answer.status());
    const json::array& list = answer->at("subscriptions").as_array();
    cut = cut || answer->at("truncated").as_bool() ||
          answer->at("maps").to_number<size_t>() > list.size();
    for (const json::value& entry : list) {
      Watched& watched = maps[json::value_to<std::string>(entry.at("map"))];
      watched.connections += entry.at("connections").to_number<int64_t>();
      ++watched.gateways;
    }
  }
  std::vector<std::pair<std::string, Watched>> sorted(maps.begin(), maps.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.connections > b.second.connections;
  });
  if (session.json()) {
    json::array list;
    for (const auto& [map, watched] : sorted) {
      list.push_back(
          {{"map", map}, {"connections", watched.connections}, {"gateways", watched.gateways}});
    }
    PrintJson(json::object{{"subscriptions", std::move(list)}, {"more", cut}});
    return kYes;
  }
  Table table({"MAP", "CONNECTIONS", "GATEWAYS"});
  for (const auto& [map, watched] : sorted) {
    table.Add({map, std::to_string(watched.connections), std::to_string(watched.gateways)});
  }
  table.Print();
  if (cut)
    std::fputs("topgunctl: only the 1000 most watched maps of a gateway are shown\n", stderr);
  return kYes;
}

}  // namespace topgun::ctl
