#include "merkle/merkle_client.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "driver/run_context.h"

namespace topgun::loadgen {
namespace {

// A sync that takes so long is not going to end.
constexpr std::chrono::seconds kAnswerTimeout{30};

}  // namespace

MerkleClient::MerkleClient(boost::asio::io_context& io, Session::Options options, Plan plan,
                           std::unique_ptr<Replica> replica, RunStats& stats,
                           wire::ServerFrame& decoded, MerkleReport& report,
                           std::function<void()> on_done)
    : plan_(std::move(plan)),
      replica_(std::move(replica)),
      report_(report),
      on_done_(std::move(on_done)),
      session_(io, options, stats, decoded, *this),
      walk_(plan_.map, plan_.is_or, *replica_, *this),
      timer_(io),
      random_(options.seed),
      rest_(plan_.repetitions) {}

void MerkleClient::Start() {
  started_ = true;
  Next();
}

void MerkleClient::Disconnect() {
  done_ = true;
  timer_.cancel();
  session_.Stop();
}

// Only the first AUTH_ACK of a connection can find a client that is not syncing.
void MerkleClient::OnReady() {
  if (started_ && !walk_.running()) Next();
}

void MerkleClient::OnDown() {
  if (!walk_.running()) return;
  ++report_.unfinished;
  walk_.Abandon();
}

void MerkleClient::Next() {
  if (done_ || !ready()) return;
  if (rest_ == 0) return Done();
  FallBehind();
  AwaitAnswer();
  since_ns_ = NowNs();
  walk_.Start();
}

void MerkleClient::FallBehind() {
  if (plan_.cold) return replica_->Clear();
  const uint64_t count = std::min<uint64_t>(plan_.behind, plan_.keys.size());
  for (uint64_t i = 0; i < count; ++i) {
    // One of each of `count` equal stretches, so that no key is drawn twice.
    const uint64_t first = plan_.keys.size() * i / count;
    const uint64_t end = plan_.keys.size() * (i + 1) / count;
    replica_->Forget(plan_.keys[plan_.newest ? i : first + random_.Below(end - first)]);
  }
}

void MerkleClient::OnFrame(const wire::ServerFrame& frame) {
  if (done_ || !walk_.OnFrame(frame)) return;
  Account();
  --rest_;
  Next();
}

void MerkleClient::Account() {
  report_.duration.Record(NowNs() - since_ns_);
  const MerkleWalk::Cost& cost = walk_.cost();
  ++report_.syncs;
  report_.frames_sent += cost.frames_sent;
  report_.frames_received += cost.frames_received;
  report_.records += cost.records;
  report_.round_trips = std::max(report_.round_trips, cost.round_trips);
  if (replica_->tree().root_hash() != walk_.server_root()) ++report_.mismatches;
}

void MerkleClient::AwaitAnswer() {
  timer_.expires_after(kAnswerTimeout);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || done_) return;
    ++report_.unfinished;
    Done();
  });
}

void MerkleClient::Done() {
  done_ = true;
  timer_.cancel();
  on_done_();
}

}  // namespace topgun::loadgen
