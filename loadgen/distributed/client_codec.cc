#include "distributed/client_codec.h"

#include <algorithm>

#include "distributed/histogram_codec.h"

namespace topgun::loadgen {

v1::MerkleSyncs ToProto(const MerkleReport& merkle) {
  v1::MerkleSyncs proto;
  proto.set_map(merkle.map);
  proto.set_keys(merkle.keys);
  proto.set_behind(merkle.behind);
  proto.set_first_sync_ms(merkle.first_sync_ms);
  proto.set_first_mismatch(merkle.first_mismatch);
  proto.set_keys_missing(merkle.keys_missing);
  proto.set_syncs(merkle.syncs);
  proto.set_unfinished(merkle.unfinished);
  proto.set_mismatches(merkle.mismatches);
  *proto.mutable_duration() = ToProto(merkle.duration);
  proto.set_frames_sent(merkle.frames_sent);
  proto.set_frames_received(merkle.frames_received);
  proto.set_bytes_sent(merkle.bytes_sent);
  proto.set_bytes_received(merkle.bytes_received);
  proto.set_records(merkle.records);
  proto.set_round_trips(merkle.round_trips);
  return proto;
}

MerkleReport FromProto(const v1::MerkleSyncs& proto) {
  MerkleReport merkle;
  merkle.map = proto.map();
  merkle.keys = proto.keys();
  merkle.behind = proto.behind();
  merkle.first_sync_ms = proto.first_sync_ms();
  merkle.first_mismatch = proto.first_mismatch();
  merkle.keys_missing = proto.keys_missing();
  merkle.syncs = proto.syncs();
  merkle.unfinished = proto.unfinished();
  merkle.mismatches = proto.mismatches();
  merkle.duration.Merge(FromProto(proto.duration()));
  merkle.frames_sent = proto.frames_sent();
  merkle.frames_received = proto.frames_received();
  merkle.bytes_sent = proto.bytes_sent();
  merkle.bytes_received = proto.bytes_received();
  merkle.records = proto.records();
  merkle.round_trips = proto.round_trips();
  return merkle;
}

v1::Fleet ToProto(const FleetReport& fleet) {
  v1::Fleet proto;
  proto.set_connections(fleet.connections);
  proto.set_open_seconds(fleet.open_seconds);
  proto.set_lost(fleet.lost);
  proto.set_silent(fleet.silent);
  proto.set_silent_closed(fleet.silent_closed);
  proto.set_cycles(fleet.cycles);
  proto.set_cycles_failed(fleet.cycles_failed);
  proto.set_cycles_late(fleet.cycles_late);
  return proto;
}

FleetReport FromProto(const v1::Fleet& proto) {
  FleetReport fleet;
  fleet.connections = proto.connections();
  fleet.open_seconds = proto.open_seconds();
  fleet.lost = proto.lost();
  fleet.silent = proto.silent();
  fleet.silent_closed = proto.silent_closed();
  fleet.cycles = proto.cycles();
  fleet.cycles_failed = proto.cycles_failed();
  fleet.cycles_late = proto.cycles_late();
  return fleet;
}

void MergeMerkle(const MerkleReport& other, MerkleReport* merkle) {
  merkle->map += (merkle->map.empty() ? "" : ", ") + other.map;
  merkle->keys = std::max(merkle->keys, other.keys);
  merkle->behind = std::max(merkle->behind, other.behind);
  merkle->first_sync_ms = std::max(merkle->first_sync_ms, other.first_sync_ms);
  merkle->first_mismatch |= other.first_mismatch;
  merkle->keys_missing += other.keys_missing;
  merkle->syncs += other.syncs;
  merkle->unfinished += other.unfinished;
  merkle->mismatches += other.mismatches;
  merkle->duration.Merge(other.duration);
  merkle->frames_sent += other.frames_sent;
  merkle->frames_received += other.frames_received;
  merkle->bytes_sent += other.bytes_sent;
  merkle->bytes_received += other.bytes_received;
  merkle->records += other.records;
  merkle->round_trips = std::max(merkle->round_trips, other.round_trips);
}

void MergeFleet(const FleetReport& other, FleetReport* fleet) {
  fleet->connections += other.connections;
  fleet->open_seconds = std::max(fleet->open_seconds, other.open_seconds);
  fleet->lost += other.lost;
  fleet->silent += other.silent;
  fleet->silent_closed += other.silent_closed;
  fleet->cycles += other.cycles;
  fleet->cycles_failed += other.cycles_failed;
  fleet->cycles_late += other.cycles_late;
}

}  // namespace topgun::loadgen
