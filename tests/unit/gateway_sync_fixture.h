// A client that syncs maps between a fake socket and fake trees.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {

inline std::string SyncInit(std::string_view map, std::optional<int64_t> last = 0) {
  std::string frame;
  wire::EncodeSyncInit({.map = map, .last_sync_timestamp = last}, frame);
  return frame;
}

inline std::string OrSyncInit(std::string_view map, std::vector<wire::BucketHash> buckets = {},
                              std::optional<int64_t> last = 0) {
  wire::OrMapSyncInitFrame init;
  init.map = map;
  init.bucket_hashes = std::move(buckets);
  init.last_sync_timestamp = last;
  std::string frame;
  wire::EncodeOrMapSyncInit(init, frame);
  return frame;
}

inline std::string QuerySub(std::string_view map) {
  wire::QuerySubFrame sub;
  sub.query_id = "q";
  sub.map = map;
  std::string frame;
  wire::EncodeQuerySub(sub, frame);
  return frame;
}

inline std::string Bucket(std::string_view map, std::string_view path) {
  std::string frame;
  wire::EncodeMerkleReqBucket({.map = map, .path = path}, frame);
  return frame;
}

inline std::string OrBucket(std::string_view map, std::string_view path) {
  std::string frame;
  wire::EncodeOrMapMerkleReqBucket({.map = map, .path = path}, frame);
  return frame;
}

inline std::string Cell(std::string_view value, bool tombstone = false) {
  state::CellView cell;
  cell.timestamp = {1'000, 0, "client"};
  cell.tombstone = tombstone;
  cell.value = value;
  return state::EncodeCell(cell);
}

class SyncTest : public ::testing::Test {
 protected:
  SyncTest() : handler_(&gateway_.table.OnOpen(session_)) {}
  ~SyncTest() override { handler_->OnClosed(CloseCause::kPeer); }

  void Send(const std::string& frame) { SendBurst({frame}); }
  // Frames that were in the socket together.
  void SendBurst(const std::vector<std::string>& frames) {
    for (const std::string& frame : frames) handler_->OnMessage(frame, true);
    gateway_.turns.Run();
  }
  // Answers the oldest read; every path gets the same node unless `nodes` has one for each.
  void Answer(std::vector<TreeAnswer::Node> nodes, int64_t horizon_ms = 0) {
    auto [request, done] = std::move(gateway_.trees.reads.front());
    gateway_.trees.reads.pop_front();
    auto answer = std::make_shared<TreeAnswer>();
    nodes.resize(request.paths.size(), nodes.front());
    answer->nodes = std::move(nodes);
    answer->horizon_ms = horizon_ms;
    done(std::shared_ptr<const TreeAnswer>(std::move(answer)));
    gateway_.turns.Run();
  }
  // The only frame since the last call.
  const wire::ServerFrame& Reply() {
    EXPECT_EQ(session_.frames.size(), 1U);
    if (session_.frames.empty()) return decoded_;
    bytes_ = session_.frames.back();
    session_.frames.clear();
    EXPECT_TRUE(wire::DecodeServerFrame(bytes_, decoded_).ok());
    return decoded_;
  }
  const std::vector<std::string>& Paths() { return gateway_.trees.reads.front().first.paths; }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;
  std::string bytes_;
  wire::ServerFrame decoded_;
};

}  // namespace topgun::gateway
