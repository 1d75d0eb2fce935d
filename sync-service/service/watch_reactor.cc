// The watch stream: interest and publications in, ranges of changes and publications out.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "domain/watcher.h"
#include "service/outbox.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

using WatchOutbox = Outbox<v1::WatchRequest, v1::WatchReply>;

void FillPosition(const state::Position& position, topgun::crdt::v1::Position* out) {
  out->set_incarnation(position.incarnation);
  out->set_n(position.n);
}

// Adds the chosen changes of an entry, with the dictionaries cut to what they use.
void FillChanges(const FeedEntry& entry, const std::vector<uint32_t>& changes,
                 v1::WatchRange& range) {
  const state::FeedEntryView& view = entry.view;
  constexpr uint32_t kUnused = UINT32_MAX;
  std::vector<uint32_t> map_of(view.maps.size(), kUnused);
  std::vector<uint32_t> origin_of(view.origins.size(), kUnused);
  for (const uint32_t index : changes) {
    const state::ChangeView& change = view.changes[index];
    if (map_of[change.map] == kUnused) {
      map_of[change.map] = static_cast<uint32_t>(range.maps_size());
      range.add_maps(std::string(view.maps[change.map]));
    }
    if (origin_of[change.origin] == kUnused) {
      origin_of[change.origin] = static_cast<uint32_t>(range.origins_size());
      range.add_origins(std::string(view.origins[change.origin]));
    }
    range.add_map_index(map_of[change.map]);
    range.add_origin_index(origin_of[change.origin]);
    range.mutable_kinds()->push_back(static_cast<char>(change.kind));
    range.mutable_flags()->push_back(static_cast<char>(change.flags));
    range.mutable_keys()->append(change.key);
    range.add_key_lengths(static_cast<uint32_t>(change.key.size()));
    range.mutable_tags()->append(change.tag);
    range.add_tag_lengths(static_cast<uint32_t>(change.tag.size()));
    range.mutable_cells()->append(change.cell);
    range.add_cell_lengths(static_cast<uint32_t>(change.cell.size()));
    range.add_positions(entry.position.n);
    range.add_change_index(index);
  }
}

// What all loops of one stream share.
class WatchStream final : public WatchSink, public TopicSink {
 public:
  WatchStream(WatchOutbox::Reactor* reactor, Probe& probe, const ServiceOptions& options)
      : outbox(reactor),
        probe_(probe),
        bytes_max_(options.watch_bytes_max),
        publications_bytes_max_(options.publications_bytes_max) {}

  void OnRange(const WatchedRange& range, const FeedEntry* entry,
               const std::vector<uint32_t>& changes) override {
    outbox.Add([&](v1::WatchReply& reply) { Append(range, entry, changes, reply); });
  }

  void OnPersisted(uint32_t shard, const state::Position& persisted) override {
    outbox.Add([&](v1::WatchReply& reply) {
      FillPosition(persisted, PersistedOf(shard, reply).mutable_position());
    });
  }

  bool OnPublication(const v1::Publication& publication) override {
    bool taken = false;
    outbox.Add([&](v1::WatchReply& reply) {
      if (reply.publications_size() == 0) publications_bytes_ = 0;  // a fresh message
      const uint64_t bytes = publications_bytes_ + BytesOf(publication);
      taken = bytes <= publications_bytes_max_;
      if (!taken) return;
      publications_bytes_ = bytes;
      *reply.add_publications() = publication;
    });
    return taken;
  }

  WatchOutbox outbox;

 private:
  // Only the newest position of a shard is of interest.
  static v1::ShardPosition& PersistedOf(uint32_t shard, v1::WatchReply& reply) {
    for (v1::ShardPosition& known : *reply.mutable_persisted()) {
      if (known.shard() == shard) return known;
    }
    v1::ShardPosition& added = *reply.add_persisted();
    added.set_shard(shard);
    return added;
  }

  void Append(const WatchedRange& range, const FeedEntry* entry,
              const std::vector<uint32_t>& changes, v1::WatchReply& reply) {
    if (reply.ranges_size() == 0) bytes_ = 0;  // a fresh message
    const bool overflow = entry != nullptr && bytes_ + entry->bytes.size() > bytes_max_;
    if (overflow && !std::exchange(overflowing_, true)) probe_.WatchOverflow();
    if (!overflow && entry != nullptr) overflowing_ = false;
    v1::WatchRange& out =
        RangeFor(range, overflow || range.gap, entry == nullptr || overflow, reply);
    FillPosition(range.upto, out.mutable_upto());
    out.set_interest_id(range.interest_id);
    if (entry == nullptr || overflow) return;
    bytes_ += entry->bytes.size();
    if (entry->trace != 0) out.set_trace(entry->trace);
    for (const state::TraceView& trace : entry->view.traces) {
      v1::TraceContext& context = *out.add_contexts();
      context.set_traceparent(std::string(trace.traceparent));
      context.set_tracestate(std::string(trace.tracestate));
    }
    FillChanges(*entry, changes, out);
  }

  // Ranges without changes extend the one before, so that a slow reader costs little.
  v1::WatchRange& RangeFor(const WatchedRange& range, bool gap, bool empty, v1::WatchReply& reply) {
    if (empty && reply.ranges_size() > 0) {
      v1::WatchRange& last = *reply.mutable_ranges(reply.ranges_size() - 1);
      if (last.shard() == range.shard && last.kinds().empty() && last.gap() == gap) return last;
    }
    v1::WatchRange& out = *reply.add_ranges();
    out.set_shard(range.shard);
    out.set_gap(gap);
    FillPosition(range.after, out.mutable_after());
    return out;
  }

  Probe& probe_;
  const uint64_t bytes_max_;
  const uint64_t publications_bytes_max_;
  uint64_t bytes_ = 0;
  uint64_t publications_bytes_ = 0;
  bool overflowing_ = false;
};

// One per stream and loop; lives until the loop has run the stream's farewell.
struct LoopWatcher {
  std::shared_ptr<WatchStream> stream;
  std::unique_ptr<Watcher> watcher;
};

class WatchReactor final : public WatchOutbox::Reactor {
 public:
  WatchReactor(LoopSet& loops, TopicHub& topics, Probe& probe, const ServiceOptions& options)
      : loops_(loops),
        topics_(topics),
        probe_(probe),
        stream_(std::make_shared<WatchStream>(this, probe, options)),
        watchers_(std::make_shared<std::vector<LoopWatcher>>(loops.loop_count())) {
    probe_.Watchers(1);
    for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
      loops_.Post(loop,
                  [&loops = loops_, &probe = probe_, stream = stream_, watchers = watchers_, loop] {
                    (*watchers)[loop] = {stream, std::make_unique<Watcher>(*stream, probe)};
                    loops.WatchersOf(loop).insert((*watchers)[loop].watcher.get());
                  });
    }
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      stream_->outbox.Finish(grpc::Status::OK);
      return;
    }
    const auto request = std::make_shared<v1::WatchRequest>(std::move(request_));
    request_.Clear();
    HandleTopics(*request);
    if (ConcernsShards(*request)) Dispatch(request);
    StartRead(&request_);
  }

  void OnWriteDone(bool ok) override { stream_->outbox.Written(ok); }

  void OnDone() override {
    stream_->outbox.Close();
    topics_.Forget(stream_);
    for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
      loops_.Post(loop, [&loops = loops_, watchers = watchers_, loop] {
        loops.WatchersOf(loop).erase((*watchers)[loop].watcher.get());
        (*watchers)[loop] = {};
      });
    }
    probe_.Watchers(-1);
    delete this;
  }

 private:
  static bool ConcernsShards(const v1::WatchRequest& request) {
    const bool shards = request.shards_size() + request.stop_shards_size() > 0;
    const bool maps = request.add_maps_size() + request.remove_maps_size() > 0;
    return shards || maps || request.has_all_maps();
  }

  // Whoever wants a topic with this message hears what it publishes.
  void HandleTopics(const v1::WatchRequest& request) {
    for (const std::string& topic : request.remove_topics()) topics_.Remove(stream_, topic);
    for (const std::string& topic : request.add_topics()) topics_.Add(stream_, topic);
    for (const v1::Publication& publication : request.publications()) {
      topics_.Publish(publication);
    }
  }

  void Dispatch(const std::shared_ptr<const v1::WatchRequest>& request) {
    for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
      loops_.Post(loop, [&loops = loops_, watchers = watchers_, request, loop] {
        Handle(loops, *(*watchers)[loop].watcher, *request, loop);
      });
    }
  }

  static void Handle(LoopSet& loops, Watcher& watcher, const v1::WatchRequest& request,
                     size_t loop) {
    for (const uint32_t shard : request.stop_shards()) watcher.Stop(shard);
    if (request.has_all_maps()) watcher.WantAllMaps(request.all_maps());
    if (request.add_maps_size() + request.remove_maps_size() > 0 || request.has_all_maps()) {
      watcher.ChangeInterest({request.add_maps().begin(), request.add_maps().end()},
                             {request.remove_maps().begin(), request.remove_maps().end()},
                             request.interest_id());
    }
    for (const v1::WatchShard& wanted : request.shards()) {
      if (wanted.shard() >= loops.shard_count() || loops.LoopOf(wanted.shard()) != loop) continue;
      std::optional<state::Position> after;
      if (wanted.has_after()) after = {wanted.after().incarnation(), wanted.after().n()};
      watcher.Watch(loops.ShardAt(wanted.shard()), after);
    }
  }

  LoopSet& loops_;
  TopicHub& topics_;
  Probe& probe_;
  std::shared_ptr<WatchStream> stream_;
  std::shared_ptr<std::vector<LoopWatcher>> watchers_;
  v1::WatchRequest request_;
};

}  // namespace

grpc::ServerBidiReactor<v1::WatchRequest, v1::WatchReply>* SyncService::Watch(
    grpc::CallbackServerContext* /*context*/) {
  return new WatchReactor(loops_, topics_, probe_, options_);
}

}  // namespace topgun::sync
