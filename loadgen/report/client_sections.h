// What the summary and the JSON say about scenarios whose clients do not write: Merkle syncs, idle
// fleets and connect storms. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "fleet/fleet_report.h"
#include "merkle/merkle_report.h"

namespace topgun::loadgen {

std::string MerkleTable(const MerkleReport& merkle);
std::string FleetTable(const FleetReport& fleet, double seconds);

boost::json::object MerkleJson(const MerkleReport& merkle);
boost::json::object FleetJson(const FleetReport& fleet);

}  // namespace topgun::loadgen
