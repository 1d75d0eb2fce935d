// topgun.sync.v1.Sync: protobuf to domain and back, nothing else.
//
// gRPC's few callback threads only move messages: decoding happens on the shards' loops, and every
// stream has an outbox that loops append to and that keeps one write in flight, so replies of one
// moment travel in one message. Reads wait for shards to open as long as the caller's deadline
// allows.
#pragma once

#include "domain/probe.h"
#include "service/loop_set.h"
#include "service/topic_hub.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::sync {

struct ServiceOptions {
  // Bytes of one Apply stream's requests that may wait before the stream is not read any further.
  uint64_t apply_bytes_max = 64u << 20;
  // Bytes of changes that may wait for one watcher before it is told of a gap instead.
  uint64_t watch_bytes_max = 16u << 20;
  // Bytes of publications that may wait for one watcher before further ones are lost.
  uint64_t publications_bytes_max = 4u << 20;
  TopicLimits topics = {};
  // There is no Postgres: results say so.
  bool volatile_storage = false;
};

class SyncService final : public topgun::sync::v1::Sync::CallbackService {
 public:
  SyncService(LoopSet& loops, Probe& probe, ServiceOptions options)
      : loops_(loops), probe_(probe), options_(options), topics_(options.topics, probe) {}

  grpc::ServerBidiReactor<v1::ApplyRequest, v1::ApplyReply>* Apply(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<v1::WatchRequest, v1::WatchReply>* Watch(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::ReadMapChunk>* ReadMap(grpc::CallbackServerContext* context,
                                                      const v1::ReadMapRequest* request) override;
  grpc::ServerWriteReactor<v1::ReadTreeChunk>* ReadTree(
      grpc::CallbackServerContext* context, const v1::ReadTreeRequest* request) override;

  grpc::ServerUnaryReactor* ResolveTags(grpc::CallbackServerContext* context,
                                        const v1::ResolveTagsRequest* request,
                                        v1::ResolveTagsReply* reply) override;
  grpc::ServerUnaryReactor* ReadCells(grpc::CallbackServerContext* context,
                                      const v1::ReadCellsRequest* request,
                                      v1::ReadCellsReply* reply) override;
  grpc::ServerUnaryReactor* ListMaps(grpc::CallbackServerContext* context,
                                     const v1::ListMapsRequest* request,
                                     v1::ListMapsReply* reply) override;
  grpc::ServerUnaryReactor* CountMap(grpc::CallbackServerContext* context,
                                     const v1::CountMapRequest* request,
                                     v1::CountMapReply* reply) override;
  grpc::ServerUnaryReactor* SearchMap(grpc::CallbackServerContext* context,
                                      const v1::SearchMapRequest* request,
                                      v1::SearchMapReply* reply) override;
  grpc::ServerUnaryReactor* ListLosers(grpc::CallbackServerContext* context,
                                       const v1::ListLosersRequest* request,
                                       v1::ListLosersReply* reply) override;
  grpc::ServerUnaryReactor* ReadCounter(grpc::CallbackServerContext* context,
                                        const v1::ReadCounterRequest* request,
                                        v1::ReadCounterReply* reply) override;
  grpc::ServerUnaryReactor* AcquireLock(grpc::CallbackServerContext* context,
                                        const v1::AcquireLockRequest* request,
                                        v1::AcquireLockReply* reply) override;
  grpc::ServerUnaryReactor* ReleaseLock(grpc::CallbackServerContext* context,
                                        const v1::ReleaseLockRequest* request,
                                        v1::ReleaseLockReply* reply) override;
  grpc::ServerUnaryReactor* ReadJournal(grpc::CallbackServerContext* context,
                                        const v1::ReadJournalRequest* request,
                                        v1::ReadJournalReply* reply) override;

 private:
  // ReadMap with a query.
  grpc::ServerWriteReactor<v1::ReadMapChunk>* SelectRows(const v1::ReadMapRequest& request);

  LoopSet& loops_;
  Probe& probe_;
  const ServiceOptions options_;
  TopicHub topics_;
};

}  // namespace topgun::sync
