#include "backend/map_reader.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "rpc/status.h"

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBackoffMin{50};
constexpr std::chrono::milliseconds kBackoffMax{1'000};

// Takes the chunk's bytes over. False when its columns do not fit together.
bool AppendChunk(sync::v1::ReadMapChunk& chunk, MapSnapshot& snapshot) {
  if (chunk.key_lengths_size() != chunk.value_lengths_size()) return false;
  std::string_view keys = snapshot.bytes.emplace_back(std::move(*chunk.mutable_keys()));
  std::string_view values = snapshot.bytes.emplace_back(std::move(*chunk.mutable_values()));
  for (int i = 0; i < chunk.key_lengths_size(); ++i) {
    const size_t key = chunk.key_lengths(i);
    const size_t value = chunk.value_lengths(i);
    if (key > keys.size() || value > values.size()) return false;
    snapshot.rows.push_back({.key = keys.substr(0, key), .value = values.substr(0, value)});
    keys.remove_prefix(key);
    values.remove_prefix(value);
  }
  for (const auto& position : chunk.positions()) {
    snapshot.positions.push_back({position.incarnation(), position.n()});
  }
  snapshot.has_more = snapshot.has_more || chunk.has_more();
  return true;
}

}  // namespace

// A read from its first attempt to its end.
struct GrpcMapReader::Pending {
  Pending(boost::asio::io_context& io, std::string map_in, Done done_in)
      : map(std::move(map_in)), done(std::move(done_in)), timer(io) {}

  const std::string map;
  const Done done;
  const steady_clock::time_point deadline = steady_clock::now() + kPatience;
  size_t attempt = 0;
  std::chrono::milliseconds backoff = kBackoffMin;
  boost::asio::steady_timer timer;
  grpc::ClientContext* context = nullptr;  // of the call on its way
  Replica* replica = nullptr;
};

// One attempt. Chunks are gathered on gRPC's thread, which only moves their bytes; the end is
// handled on the loop. Deletes itself.
class GrpcMapReader::Call final : public grpc::ClientReadReactor<sync::v1::ReadMapChunk> {
 public:
  Call(GrpcMapReader& reader, std::shared_ptr<Pending> pending)
      : reader_(reader), work_(reader.io_.get_executor()), pending_(std::move(pending)) {
    ++reader_.active_calls_;
    pending_->context = &context_;
    request_.set_map(pending_->map);
    request_.set_rows_max(kRowsMax);
    const auto left = pending_->deadline - steady_clock::now();
    context_.set_deadline(std::chrono::system_clock::now() + left);
    pending_->replica->stub().async()->ReadMap(&context_, &request_, this);
    StartRead(&chunk_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!AppendChunk(chunk_, *snapshot_)) malformed_ = true;
    chunk_.Clear();
    StartRead(&chunk_);
  }

  void OnDone(const grpc::Status& status) override {
    boost::asio::post(reader_.io_, [this, status = rpc::FromGrpc(status)] {
      --reader_.active_calls_;
      pending_->context = nullptr;
      reader_.OnEnded(pending_, malformed_ ? Internal("malformed chunk") : status,
                      std::move(snapshot_));
      delete this;
    });
  }

 private:
  GrpcMapReader& reader_;
  const boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  const std::shared_ptr<Pending> pending_;
  grpc::ClientContext context_;
  sync::v1::ReadMapRequest request_;
  sync::v1::ReadMapChunk chunk_;
  std::shared_ptr<MapSnapshot> snapshot_ = std::make_shared<MapSnapshot>();
  bool malformed_ = false;
};

void GrpcMapReader::Read(const std::string& map, Done done) {
  auto pending = std::make_shared<Pending>(io_, map, std::move(done));
  pending_.insert(pending);
  Attempt(pending);
}

void GrpcMapReader::Attempt(const std::shared_ptr<Pending>& pending) {
  if (closed_) return;
  pending->replica = replicas_.Pick("map/" + pending->map, pending->attempt++);
  if (pending->replica == nullptr) return Retry(pending, Unavailable("no sync replica is up"));
  new Call(*this, pending);
}

void GrpcMapReader::OnEnded(const std::shared_ptr<Pending>& pending, const Status& status,
                            std::shared_ptr<MapSnapshot> snapshot) {
  if (closed_) return;
  if (!status.ok()) return Retry(pending, status);
  pending_.erase(pending);
  pending->done(std::shared_ptr<const MapSnapshot>(std::move(snapshot)));
}

void GrpcMapReader::Retry(const std::shared_ptr<Pending>& pending, const Status& reason) {
  if (steady_clock::now() + pending->backoff >= pending->deadline) {
    // In a turn of its own: Read() must not call back.
    boost::asio::post(io_, [this, pending, reason] {
      if (pending_.erase(pending) > 0) pending->done(reason);
    });
    return;
  }
  pending->timer.expires_after(pending->backoff);
  pending->backoff = std::min(pending->backoff * 2, kBackoffMax);
  pending->timer.async_wait([this, pending](const boost::system::error_code& error) {
    if (!error) Attempt(pending);
  });
}

void GrpcMapReader::Close() {
  closed_ = true;
  for (const auto& pending : std::exchange(pending_, {})) {
    pending->timer.cancel();
    if (pending->context != nullptr) pending->context->TryCancel();
  }
}

}  // namespace topgun::gateway
