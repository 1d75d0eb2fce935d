#include "driver/read_back.h"

#include <utility>

#include "wire/client_encode.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using wire::FrameType;

// A snapshot may wait for the view to be built after a restart.
constexpr milliseconds kReadTimeout{30'000};
// Servers without Merkle sync stay silent.
constexpr milliseconds kFirstRootTimeout{3'000};
constexpr int64_t kNotImplemented = 501;

}  // namespace

ReadBack::ReadBack(const RunContext& context, const Ledger& ledger, const Sightings& observed)
    : context_(context),
      ledger_(ledger),
      observed_(observed),
      timer_(io_),
      session_(io_, context.DirectSession(), stats_, decoded_, *this) {}

VerifyReport ReadBack::Run() {
  report_.acked_ops = ledger_.acked_ops();
  Await(kReadTimeout);
  session_.Start();
  io_.run();
  return std::move(report_);
}

// Also after a reconnect: the map at hand is asked for again.
void ReadBack::OnReady() {
  if (!done_) Ask();
}

void ReadBack::NextMap() {
  ++map_;
  Ask();
}

void ReadBack::Ask() {
  const auto& maps = context_.keys().maps();
  while (map_ < maps.size() && maps[map_].is_or && walk_unavailable_) ++map_;
  if (map_ == maps.size()) return Finish();

  const std::string& name = maps[map_].name;
  std::string frame;
  if (maps[map_].is_or) {
    buckets_missing_ = 0;
    wire::OrMapSyncInitFrame init;
    init.map = name;
    wire::EncodeOrMapSyncInit(init, frame);
    Await(walk_works_ ? kReadTimeout : kFirstRootTimeout);
  } else {
    report_.lww_proof = "query snapshots";
    wire::QuerySubFrame query;
    query.query_id = name;
    query.map = name;
    wire::EncodeQuerySub(query, frame);
    Await(kReadTimeout);
  }
  session_.Send({frame});
}

void ReadBack::Await(milliseconds timeout) {
  timer_.expires_after(timeout);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) OnTimeout();
  });
}

void ReadBack::OnTimeout() {
  const auto& maps = context_.keys().maps();
  if (maps[map_].is_or && !walk_works_ && session_.ready()) {
    walk_unavailable_ = true;
    return Ask();
  }
  GiveUp("no answer while reading back " + maps[map_].name +
         (stats_.last_error.empty() ? "" : " (" + stats_.last_error + ")"));
}

void ReadBack::GiveUp(const std::string& reason) {
  if (report_.incomplete.empty()) report_.incomplete = reason;
  Finish();
}

void ReadBack::OnFrame(const wire::ServerFrame& frame) {
  if (done_) return;
  const auto& maps = context_.keys().maps();
  const std::string& name = maps[map_].name;
  switch (frame.type) {
    case FrameType::kQueryResp:
      if (frame.query_resp.query_id == name) OnSnapshot(frame.query_resp);
      return;
    case FrameType::kOrMapSyncRespRoot:
      if (frame.sync_root.map != name) return;
      walk_works_ = true;
      return frame.sync_root.root_hash == 0 ? NextMap() : RequestBucket("");
    case FrameType::kOrMapSyncRespBuckets:
      if (frame.sync_buckets.map == name) OnBuckets(frame.sync_buckets);
      return;
    case FrameType::kOrMapSyncRespLeaf:
      if (frame.or_map_leaf.map == name) OnLeaf(frame.or_map_leaf);
      return;
    case FrameType::kError:
      if (frame.error.code == kNotImplemented && maps[map_].is_or && !walk_works_) OnTimeout();
      return;
    default:
      return;
  }
}

void ReadBack::OnSnapshot(const wire::QueryRespFrame& snapshot) {
  const std::string& name = context_.keys().maps()[map_].name;
  if (snapshot.error || snapshot.has_more) {
    return GiveUp("the snapshot of " + name +
                  " is not whole: " + std::string(snapshot.error.value_or("more than 10000 rows")));
  }
  LwwRows rows;
  for (const wire::QueryRow& row : snapshot.results) {
    const auto key = KeySpace::KeyOf(row.key);
    if (key) rows.emplace(*key, ValueMaker::Read(row.value));
  }
  CompareLwwMap(ledger_, map_, rows, &report_);

  wire::QueryUnsubFrame unsubscribe;
  unsubscribe.query_id = name;
  std::string frame;
  wire::EncodeQueryUnsub(unsubscribe, frame);
  session_.Send({frame});
  NextMap();
}

void ReadBack::RequestBucket(const std::string& path) {
  ++buckets_missing_;
  wire::MerkleReqBucketFrame request;
  request.map = context_.keys().maps()[map_].name;
  request.path = path;
  std::string frame;
  wire::EncodeOrMapMerkleReqBucket(request, frame);
  session_.Send({frame});
  Await(kReadTimeout);
}

void ReadBack::OnBuckets(const wire::SyncBucketsFrame& buckets) {
  for (const wire::BucketHash& bucket : buckets.buckets) {
    // Hash 0: nothing alive below.
    if (bucket.hash != 0) {
      RequestBucket(std::string(buckets.path).append(bucket.digit));
    }
  }
  OnBucketDone();
}

void ReadBack::OnLeaf(const wire::OrMapLeafFrame& leaf) {
  for (size_t i = 0; i < leaf.entries.size(); ++i) {
    for (const crdt::OrRecordView& record : leaf.entries.records(i)) {
      const auto tag = ParseTag(record.tag);
      if (!tag || tag->node.run != ledger_.run()) continue;
      walked_.tags.push_back(
          {tag->millis, static_cast<uint32_t>(tag->counter), tag->node.writer, false});
    }
  }
  OnBucketDone();
}

void ReadBack::OnBucketDone() {
  if (buckets_missing_ > 0 && --buckets_missing_ == 0) NextMap();
}

void ReadBack::Finish() {
  if (std::exchange(done_, true)) return;
  timer_.cancel();
  session_.Stop();
  if (!context_.keys().HasOr() || !report_.incomplete.empty()) return;
  if (!walk_unavailable_) {
    report_.or_proof = "Merkle walk";
    CompareOrMaps(ledger_, walked_, SightingKind::kState, &report_);
    return;
  }
  report_.or_proof = "live events";
  if (!observed_.complete) {
    report_.incomplete =
        "the observer of OR maps lost its connection, and the server has no Merkle sync";
    return;
  }
  CompareOrMaps(ledger_, observed_, SightingKind::kEvents, &report_);
}

}  // namespace topgun::loadgen
