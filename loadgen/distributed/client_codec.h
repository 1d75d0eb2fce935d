// What the scenarios of other clients (Merkle syncs, idle fleets, connect storms) report, as it
// travels between an agent and its coordinator, and how the reports of several agents add up. Pure.
#pragma once

#include "fleet/fleet_report.h"
#include "merkle/merkle_report.h"
#include "topgun/loadgen/v1/loadgen.pb.h"

namespace topgun::loadgen {

v1::MerkleSyncs ToProto(const MerkleReport& merkle);
MerkleReport FromProto(const v1::MerkleSyncs& proto);

// Without memory: the processes that cost it are the coordinator's business.
v1::Fleet ToProto(const FleetReport& fleet);
FleetReport FromProto(const v1::Fleet& proto);

// Adds what another agent did at the same time, with a map of its own.
void MergeMerkle(const MerkleReport& other, MerkleReport* merkle);
void MergeFleet(const FleetReport& other, FleetReport* fleet);

}  // namespace topgun::loadgen
