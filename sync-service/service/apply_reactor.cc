// The write stream: parts in, results out.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "service/answer_group.h"
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
  void Answer(const std::vector<AnswerGroup::Answer>& answers) {
    outbox.Add([&](v1::ApplyReply& reply) {
      for (const auto& [part_id, result] : answers) {
        FillResult(part_id, result, volatile_storage, *reply.add_results());
      }
    });
  }
  void Refuse(uint64_t part_id, Status status) { Answer({{part_id, {std::move(status), {}, {}}}}); }

  ApplyOutbox outbox;
  const uint64_t bytes_max;
  const bool volatile_storage;
  std::atomic<uint64_t> waiting_bytes{0};
};

// Parts of one message on their way into the shards of one loop. On that loop.
struct Submission {
  LoopSet& loops;
  Probe& probe;
  const size_t loop;
  const std::shared_ptr<ApplyStream>& stream;
  const std::shared_ptr<v1::ApplyRequest>& request;
  const PartTimes times;
  const std::shared_ptr<AnswerGroup> group;

  void Submit(const v1::ApplyPart& part) {
    std::function<void(WriteResult)> done = DoneWith(part);
    StatusOr<WritePart> decoded = DecodePart(part, request);
    if (!decoded.ok()) return done({decoded.status(), {}, {}});
    decoded->done = std::move(done);
    decoded->replicate_ms = part.replicate_ms();
    decoded->persist = part.persist();
    decoded->times = times;
    decoded->times.trace = part.trace();
    if (part.has_context()) {
      decoded->spans = probe.SpansOf(part.context().traceparent(), part.context().tracestate());
    }
    const bool accepted = loops.ShardAt(part.shard()).Submit(*std::move(decoded));
    if (accepted && part.report_accepted()) stream->Accept(part.part_id());
  }

  std::function<void(WriteResult)> DoneWith(const v1::ApplyPart& part) const {
    return [held = &loops.AnswersOf(loop), stream = stream,
            group = part.replicate_ms() == 0 ? group : nullptr, part_id = part.part_id(),
            bytes = PartBytes(part)](WriteResult result) {
      stream->waiting_bytes.fetch_sub(bytes, std::memory_order_relaxed);
      if (group == nullptr) {
        stream->Answer({{part_id, std::move(result)}});
      } else if (group->Add(part_id, std::move(result))) {
        held->Hold(group, steady_clock::now());
      }
    };
  }
};

class ApplyReactor final : public ApplyOutbox::Reactor {
 public:
  ApplyReactor(LoopSet& loops, Probe& probe, const ServiceOptions& options)
      : loops_(loops), probe_(probe), stream_(std::make_shared<ApplyStream>(this, options)) {
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
        stream_->Refuse(part.part_id(), InvalidArgument("shard: out of range"));
        continue;
      }
      if (stream_->waiting_bytes.load(std::memory_order_relaxed) > stream_->bytes_max) {
        stream_->Refuse(part.part_id(),
                        ResourceExhausted("too much work is waiting on this stream"));
        continue;
      }
      stream_->waiting_bytes.fetch_add(PartBytes(part), std::memory_order_relaxed);
      by_loop[loops_.LoopOf(part.shard())].push_back(&part);
    }
    for (size_t loop = 0; loop < by_loop.size(); ++loop) {
      if (by_loop[loop].empty()) continue;
      loops_.Post(loop, [&loops = loops_, &probe = probe_, loop, stream = stream_, request, now,
                         parts = std::move(by_loop[loop])] {
        const PartTimes times{.received = now, .handed = steady_clock::now()};
        Submission submission{loops, probe, loop, stream, request, times, Group(stream, parts)};
        for (const v1::ApplyPart* part : parts) submission.Submit(*part);
      });
    }
  }

  // Of the parts that do not wait for replication.
  static std::shared_ptr<AnswerGroup> Group(const std::shared_ptr<ApplyStream>& stream,
                                            const std::vector<const v1::ApplyPart*>& parts) {
    const auto swift = std::count_if(parts.begin(), parts.end(), [](const v1::ApplyPart* part) {
      return part->replicate_ms() == 0;
    });
    return std::make_shared<AnswerGroup>(
        swift,
        [stream](const std::vector<AnswerGroup::Answer>& answers) { stream->Answer(answers); });
  }

  LoopSet& loops_;
  Probe& probe_;
  std::shared_ptr<ApplyStream> stream_;
  std::shared_ptr<v1::ApplyRequest> request_;
};

}  // namespace

grpc::ServerBidiReactor<v1::ApplyRequest, v1::ApplyReply>* SyncService::Apply(
    grpc::CallbackServerContext* /*context*/) {
  return new ApplyReactor(loops_, probe_, options_);
}

}  // namespace topgun::sync
