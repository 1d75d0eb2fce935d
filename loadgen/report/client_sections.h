// What the summary and the JSON say about scenarios whose clients do not write: Merkle syncs, idle
// fleets and connect storms. Pure.
#pragma once

#include <boost/json/object.hpp>

#include "fleet/fleet_report.h"
#include "merkle/merkle_report.h"
#include "report/run_report.h"
#include "report/tables.h"

namespace topgun::loadgen {

Table MerkleTable(const MerkleReport& merkle);
Table FleetTable(const FleetReport& fleet, double seconds);
// What each agent did of that.
Table ClientAgentsTable(const RunReport& report);

boost::json::object MerkleJson(const MerkleReport& merkle);
boost::json::object FleetJson(const FleetReport& fleet);

}  // namespace topgun::loadgen
