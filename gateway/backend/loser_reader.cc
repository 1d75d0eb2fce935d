#include "backend/loser_reader.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace topgun::gateway {
namespace {

using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

LostWrite LostWriteOf(const sync::v1::Loser& loser) {
  LostWrite lost;
  lost.key = loser.key();
  lost.value = loser.value();
  lost.timestamp = {loser.millis(), loser.counter(), loser.node()};
  lost.winner = {loser.winner_millis(), loser.winner_counter(), loser.winner_node()};
  lost.lost_at_ms = loser.lost_at_ms();
  if (loser.has_ttl_ms()) lost.ttl_ms = loser.ttl_ms();
  return lost;
}

bool SameWrite(const LostWrite& a, const LostWrite& b) {
  return a.key == b.key && a.timestamp == b.timestamp;
}

// A write that was sent to two replicas lost at both; it lost when it first did.
void KeepFirstLosses(std::vector<LostWrite>& writes) {
  std::sort(writes.begin(), writes.end(), [](const LostWrite& a, const LostWrite& b) {
    if (a.key != b.key) return a.key < b.key;
    if (a.timestamp != b.timestamp) return a.timestamp < b.timestamp;
    return a.lost_at_ms < b.lost_at_ms;
  });
  writes.erase(std::unique(writes.begin(), writes.end(), SameWrite), writes.end());
  std::stable_sort(writes.begin(), writes.end(), [](const LostWrite& a, const LostWrite& b) {
    return a.lost_at_ms > b.lost_at_ms;
  });
}

}  // namespace

struct GrpcLoserReader::Read {
  sync::v1::ListLosersRequest request;
  Done done;
  LostWrites gathered;
  size_t open = 0;
};

struct GrpcLoserReader::Call {
  Call(boost::asio::io_context& io, std::shared_ptr<Read> read_in)
      : read(std::move(read_in)), work(io.get_executor()) {}

  const std::shared_ptr<Read> read;
  grpc::ClientContext context;
  sync::v1::ListLosersReply reply;
  WorkGuard work;  // the answer is posted to the loop
};

void GrpcLoserReader::ReadLosers(const std::string& map, const std::optional<std::string>& key,
                                 uint32_t limit, Done done) {
  const auto read = std::make_shared<Read>();
  read->request.set_map(map);
  read->request.set_limit(limit);
  if (key) read->request.set_key(*key);
  read->done = std::move(done);
  const bool full = reads_.size() >= kRunningMax;
  reads_.insert(read);
  for (const auto& replica : replicas_.all()) {
    if (!replica->listed()) continue;
    ++read->gathered.replicas_asked;
    if (replica->up() && !full && !closed_) Ask(*replica, read);
  }
  // In a turn of its own: this call must not call back.
  if (read->open == 0) boost::asio::post(io_, [this, read] { Finish(read); });
}

void GrpcLoserReader::Ask(Replica& replica, const std::shared_ptr<Read>& read) {
  // The loop's, not gRPC's: freed when gRPC has called back, which it does once whatever happens.
  auto* const call = new Call(io_, read);
  calls_.insert(call);
  ++read->open;
  ++active_calls_;
  call->context.set_deadline(std::chrono::system_clock::now() + kPatience);
  replica.stub().async()->ListLosers(&call->context, &read->request, &call->reply,
                                     [this, call](const grpc::Status& status) {
                                       boost::asio::post(io_, [this, call, ok = status.ok()] {
                                         const std::unique_ptr<Call> owned(call);
                                         calls_.erase(call);
                                         --active_calls_;
                                         OnAnswer(*owned, ok);
                                       });
                                     });
}

void GrpcLoserReader::OnAnswer(const Call& call, bool ok) {
  LostWrites& gathered = call.read->gathered;
  if (ok) {
    ++gathered.replicas_answered;
    for (const sync::v1::Loser& loser : call.reply.losers()) {
      gathered.writes.push_back(LostWriteOf(loser));
    }
  }
  if (--call.read->open == 0) Finish(call.read);
}

void GrpcLoserReader::Finish(const std::shared_ptr<Read>& read) {
  reads_.erase(read);
  if (closed_) return;
  std::vector<LostWrite>& writes = read->gathered.writes;
  KeepFirstLosses(writes);
  const size_t limit = read->request.limit();
  if (limit != 0 && writes.size() > limit) writes.resize(limit);
  read->done(std::move(read->gathered));
}

void GrpcLoserReader::Close() {
  closed_ = true;
  for (Call* const call : calls_) call->context.TryCancel();
}

}  // namespace topgun::gateway
