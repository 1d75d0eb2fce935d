// The write stream: parts in, results out.
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "service/outbox.h"
#include "service/part_codec.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

using std::chrono::steady_clock;
using ApplyOutbox = Outbox<v1::ApplyRequest, v1::ApplyReply>;

void FillResult(uint64_t part_id, const WriteResult& result, bool volatile_storage,
                v1::PartResult& out) {
  out.set_part_id(part_id);
  out.set_code(static_cast<int32_t>(result.status.code()));
  if (!result.status.ok()) {
    out.set_message(std::string(Message(result.status)));
    return;
  }
  out.mutable_position()->set_incarnation(result.position.incarnation);
  out.mutable_position()->set_n(result.position.n);
  out.set_outcomes(result.outcomes);
  out.set_replicated(result.replicated);
  out.set_volatile_storage(volatile_storage);
}

// Shared with the loops: results may come after the stream has ended.
struct ApplyStream {
  ApplyStream(ApplyOutbox::Reactor* reactor, const ServiceOptions& options)
      : outbox(reactor),
        bytes_max(options.apply_bytes_max),
        volatile_storage(options.volatile_storage) {}

  void Accept(uint64_t part_id) {
    outbox.Add([&](v1::ApplyReply& reply) { reply.add_accepted(part_id); });
  }
  void Answer(uint64_t part_id, const WriteResult& result) {
    outbox.Add([&](v1::ApplyReply& reply) {
      FillResult(part_id, result, volatile_storage, *reply.add_results());
    });
  }

  ApplyOutbox outbox;
  const uint64_t bytes_max;
  const bool volatile_storage;
  std::atomic<uint64_t> waiting_bytes{0};
};

class ApplyReactor final : public ApplyOutbox::Reactor {
 public:
  ApplyReactor(LoopSet& loops, const ServiceOptions& options)
      : loops_(loops), stream_(std::make_shared<ApplyStream>(this, options)) {
    Read();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      stream_->outbox.Finish(grpc::Status::OK);
      return;
    }
    Dispatch(std::exchange(request_, nullptr), steady_clock::now());
    Read();
  }

  void OnWriteDone(bool ok) override { stream_->outbox.Written(ok); }

  void OnDone() override {
    stream_->outbox.Close();
    delete this;
  }

 private:
  void Read() {
    request_ = std::make_shared<v1::ApplyRequest>();
    StartRead(request_.get());
  }

  void Dispatch(const std::shared_ptr<v1::ApplyRequest>& request, steady_clock::time_point now) {
    std::vector<std::vector<const v1::ApplyPart*>> by_loop(loops_.loop_count());
    for (const v1::ApplyPart& part : request->parts()) {
      if (part.shard() >= loops_.shard_count()) {
        stream_->Answer(part.part_id(), {InvalidArgument("shard: out of range"), {}, {}});
        continue;
      }
      if (stream_->waiting_bytes.load(std::memory_order_relaxed) > stream_->bytes_max) {
        stream_->Answer(part.part_id(),
                        {ResourceExhausted("too much work is waiting on this stream"), {}, {}});
        continue;
      }
      stream_->waiting_bytes.fetch_add(PartBytes(part), std::memory_order_relaxed);
      by_loop[loops_.LoopOf(part.shard())].push_back(&part);
    }
    for (size_t loop = 0; loop < by_loop.size(); ++loop) {
      if (by_loop[loop].empty()) continue;
      loops_.Post(loop, [&loops = loops_, stream = stream_, request, now,
                         parts = std::move(by_loop[loop])] {
        const PartTimes times{.received = now, .handed = steady_clock::now()};
        for (const v1::ApplyPart* part : parts) Submit(loops, stream, request, *part, times);
      });
    }
  }

  // On the shard's loop.
  static void Submit(LoopSet& loops, const std::shared_ptr<ApplyStream>& stream,
                     const std::shared_ptr<v1::ApplyRequest>& request, const v1::ApplyPart& part,
                     PartTimes times) {
    auto done = [stream, part_id = part.part_id(),
                 bytes = PartBytes(part)](const WriteResult& result) {
      stream->waiting_bytes.fetch_sub(bytes, std::memory_order_relaxed);
      stream->Answer(part_id, result);
    };
    StatusOr<WritePart> decoded = DecodePart(part, request);
    if (!decoded.ok()) return done({decoded.status(), {}, {}});
    decoded->done = std::move(done);
    decoded->replicate_ms = part.replicate_ms();
    decoded->persist = part.persist();
    decoded->times = times;
    decoded->times.trace = part.trace();
    const bool accepted = loops.ShardAt(part.shard()).Submit(*std::move(decoded));
    if (accepted && part.report_accepted()) stream->Accept(part.part_id());
  }

  LoopSet& loops_;
  std::shared_ptr<ApplyStream> stream_;
  std::shared_ptr<v1::ApplyRequest> request_;
};

}  // namespace

grpc::ServerBidiReactor<v1::ApplyRequest, v1::ApplyReply>* SyncService::Apply(
    grpc::CallbackServerContext* /*context*/) {
  return new ApplyReactor(loops_, options_);
}

}  // namespace topgun::sync
