#include "store/watched_shard.h"

#include <array>
#include <utility>
#include <vector>

#include "logging/logging.h"

namespace topgun::sync {

namespace {

using redis::Reply;
using redis::ReplyView;

// The storage service touches a shard about once a second: the longer ago the look, the likelier
// the transaction is in vain. Commits that are further apart can afford the script.
constexpr std::chrono::milliseconds kSightAgeMax{250};

uint64_t Unsigned(const ReplyView& reply) { return static_cast<uint64_t>(reply.integer()); }

}  // namespace

WatchedShard::WatchedShard(boost::asio::io_context& io, redis::ConnectionOptions connection,
                           const redis::Route& route, state::ShardKeys keys, Probe& probe)
    : io_(io),
      options_(std::move(connection)),
      route_(route),
      keys_(std::move(keys)),
      probe_(probe) {}

WatchedShard::~WatchedShard() { Close(); }

void WatchedShard::Close() {
  if (connection_ != nullptr) connection_->Close();
}

bool WatchedShard::Fits(const CommitRequest& request, uint64_t unpersisted_bytes_max) const {
  if (!sight_ || request.entry.empty() || Clock::now() - sight_->at > kSightAgeMax) return false;
  if (sight_->unloaded_maps || sight_->tail != request.tail) return false;
  // The run as the script compares it, for the server of this connection as well.
  if (sight_->run != route_.run() || sight_->run != connection_->run()) return false;
  const uint64_t unpersisted = sight_->bytes - sight_->persisted_bytes;
  return unpersisted_bytes_max == 0 || unpersisted <= unpersisted_bytes_max;
}

void WatchedShard::Commit(const CommitRequest& request,
                          Callback<std::optional<CommitReply>> callback) {
  const Sight before = *std::exchange(sight_, std::nullopt);
  watching_ = false;
  last_commit_ = Clock::now();
  connection_->Transact(Write(request, before), [this, before](const StatusOr<Reply>& reply) {
    outcome_ = OutcomeOf(reply, before);
  });
  // Answered after the look, whose replies come with EXEC's, so that the next commit can use it.
  Look([this, callback = std::move(callback)] {
    StatusOr<std::optional<CommitReply>> outcome = std::move(outcome_);
    if (outcome.ok() && outcome->has_value() && sight_) (*outcome)->persisted = sight_->persisted;
    callback(std::move(outcome));
  });
}

// The same commands in the same order as the script.
redis::Transaction WatchedShard::Write(const CommitRequest& request, const Sight& sight) const {
  const std::string n = std::to_string(sight.tail.n + 1);
  const std::string bytes = std::to_string(sight.bytes + request.entry.size());
  const std::string id = std::to_string(sight.tail.incarnation) + "-" + n;
  redis::Transaction out;
  out.Add({"XADD", keys_.feed(), id, "e", request.entry, "b", bytes});
  for (const CellWrites& writes : request.cells) {
    const std::string key = keys_.Cells(writes.kind, writes.map);
    const std::array<std::string_view, 2> head = {"HSET", key};
    out.Add(head, writes.fields_and_cells);
  }
  out.Add({"HSET", keys_.meta(), "n", n, "bytes", bytes});
  std::vector<std::string_view> changed = {"HSET", keys_.maps()};
  for (size_t i = 0; i < request.cells.size(); ++i) {
    changed.insert(changed.end(), {request.map_ids[i], n});
  }
  out.Add(changed);
  return out;
}

StatusOr<std::optional<CommitReply>> WatchedShard::OutcomeOf(const StatusOr<Reply>& exec,
                                                             const Sight& before) const {
  if (!exec.ok()) {
    probe_.Transacted(TransactionResult::kFailed);
    if (exec.status().code() == StatusCode::kUnavailable) return exec.status();
    logging::Warning("shard", "Redis refused a transaction; the script commits instead",
                     {{"key", keys_.meta()}, {"reason", Message(exec.status())}});
    return std::nullopt;
  }
  const ReplyView replies(exec->get());
  if (replies.is_nil()) {
    probe_.Transacted(TransactionResult::kTouched);
    return std::nullopt;
  }
  for (size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].type() != redis::ReplyType::kError) continue;
    probe_.Transacted(TransactionResult::kFailed);
    return Internal("a command of a commit failed: " + std::string(replies[i].str()));
  }
  probe_.Transacted(TransactionResult::kCommitted);
  CommitReply reply;
  reply.code = state::CommitCode::kCommitted;
  reply.n = before.tail.n + 1;
  reply.persisted = before.persisted;
  return reply;
}

void WatchedShard::AfterScript(std::function<void()> then) {
  const auto now = Clock::now();
  const bool busy = now - std::exchange(last_commit_, now) < kSightAgeMax;
  if (busy) Reach();
  if (!busy || connection_ == nullptr || !connection_->connected()) return then();
  Look(std::move(then));
}

void WatchedShard::Reach() {
  if (connection_ != nullptr && address_ == route_.address()) return;
  address_ = route_.address();
  connection_.reset();
  if (address_.empty()) return;
  redis::ConnectionOptions options = options_;
  options.address = address_;
  connection_ = std::make_unique<redis::Connection>(
      io_, std::move(options),
      redis::Connection::Events{.connected = [](const std::string&) {},
                                .disconnected =
                                    [this](const Status&) {
                                      sight_.reset();
                                      watching_ = false;
                                    }});
  connection_->Start();
}

void WatchedShard::Look(std::function<void()> then) {
  sight_.reset();
  // A connection whose keys were touched already would not watch anew.
  if (watching_) connection_->Send({"UNWATCH"}, nullptr);
  watching_ = true;
  connection_->Send({"WATCH", keys_.meta(), keys_.unloaded()}, [this](const StatusOr<Reply>& ok) {
    half_.reset();
    if (ok.ok()) half_.emplace();
  });
  connection_->Send({"HMGET", keys_.meta(), "run", "inc", "n", "bytes", "pbytes", "pinc", "pn"},
                    [this](const StatusOr<Reply>& reply) { OnMeta(reply); });
  connection_->Send({"EXISTS", keys_.unloaded()},
                    [this, then = std::move(then)](const StatusOr<Reply>& reply) {
                      OnUnloaded(reply);
                      then();
                    });
}

void WatchedShard::OnMeta(const StatusOr<Reply>& reply) {
  if (!reply.ok() || ReplyView(reply->get()).size() != 7) half_.reset();
  if (!half_) return;
  const ReplyView meta(reply->get());
  half_->run = meta[0].str();
  half_->tail = {Unsigned(meta[1]), Unsigned(meta[2])};
  half_->bytes = Unsigned(meta[3]);
  half_->persisted_bytes = Unsigned(meta[4]);
  half_->persisted = {Unsigned(meta[5]), Unsigned(meta[6])};
}

void WatchedShard::OnUnloaded(const StatusOr<Reply>& reply) {
  if (!reply.ok()) half_.reset();
  if (!half_) return;
  half_->unloaded_maps = ReplyView(reply->get()).integer() != 0;
  half_->at = Clock::now();
  sight_ = std::exchange(half_, std::nullopt);
}

}  // namespace topgun::sync
