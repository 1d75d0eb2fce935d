// topgunctl maps: the clients' maps with the number of their records.
#include <boost/json.hpp>

#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {

namespace json = boost::json;

int RunMaps(const Session& session) {
  const auto gateways = session.gateways();
  if (!gateways.ok()) return Fail(gateways.status());
  // Any gateway answers for the whole cluster.
  const auto answer = session.AskGateway(gateways->front(), "/api/admin/maps");
  if (!answer.ok()) return Fail(answer.status());
  if (session.json()) {
    PrintJson(*answer);
    return kYes;
  }
  Table table({"MAP", "RECORDS"});
  for (const json::value& map : answer->at("maps").as_array()) {
    std::string count = FormatCount(map.at("entryCount").to_number<double>());
    // Removed and expired ones are among them.
    if (map.as_object().contains("approximate")) count = "at most " + count;
    table.Add({json::value_to<std::string>(map.at("name")), count});
  }
  table.Print();
  return kYes;
}

}  // namespace topgun::ctl
