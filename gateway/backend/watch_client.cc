#include "backend/watch_client.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "logging/logging.h"
#include "state/feed_entry.h"

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;

constexpr size_t kSliceBytes = size_t{256} << 10;

// A shard that was not heard of for so long after it was asked for is asked for again.
constexpr std::chrono::seconds kAskAgain{5};

state::Position FromProto(const crdt::v1::Position& position) {
  return {position.incarnation(), position.n()};
}

// Cuts consecutive pieces off a column.
class RangeColumn {
 public:
  RangeColumn(const std::string& bytes, const google::protobuf::RepeatedField<uint32_t>& lengths)
      : rest_(bytes), lengths_(lengths) {}

  std::string_view Next(int index) {
    const std::string_view piece = rest_.substr(0, lengths_.Get(index));
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view rest_;
  const google::protobuf::RepeatedField<uint32_t>& lengths_;
};

std::vector<tracing::Context> ContextsOf(const sync::v1::WatchRange& range) {
  std::vector<tracing::Context> contexts;
  for (const sync::v1::TraceContext& each : range.contexts()) {
    auto context = tracing::ParseContext(each.traceparent(), each.tracestate());
    if (context && context->sampled) contexts.push_back(*std::move(context));
  }
  return contexts;
}

// A service of an older version does not tell `change_index`.
bool ColumnsFit(const sync::v1::WatchRange& range) {
  const auto count = static_cast<int>(range.kinds().size());
  const auto inside = [](const auto& indices, int size) {
    return std::all_of(indices.begin(), indices.end(),
                       [size](uint32_t index) { return index < static_cast<uint32_t>(size); });
  };
  return range.flags().size() == range.kinds().size() && range.map_index_size() == count &&
         range.origin_index_size() == count && range.key_lengths_size() == count &&
         range.tag_lengths_size() == count && range.cell_lengths_size() == count &&
         range.positions_size() == count &&
         (range.change_index_size() == count || range.change_index_size() == 0) &&
         inside(range.map_index(), range.maps_size()) &&
         inside(range.origin_index(), range.origins_size());
}

}  // namespace

WatchClient::ReplicaStream::ReplicaStream(WatchClient& client, Replica& replica)
    : client_(client), replica_(replica), writing_(std::make_shared<sync::v1::WatchRequest>()) {
  client.interest_.ForEach([this](const std::string& map) { next_.add_add_maps(map); });
  if (client.interest_.all_maps()) next_.set_all_maps(true);
  for (const std::string& topic : client.topics_) topics_.Add(topic);
  stream_ = Stream::Open(client.io_, client.active_streams_, *this,
                         [&replica](auto* context, auto* reactor) {
                           replica.stub().async()->Watch(context, reactor);
                         });
}

WatchClient::ReplicaStream::~ReplicaStream() {
  ReportLost();
  if (stream_ != nullptr) stream_->Cancel(writing_);
}

void WatchClient::ReplicaStream::Flush() {
  if (write_in_flight_ || stream_ == nullptr) return;
  const int wanted = next_.shards_size() + next_.stop_shards_size() + next_.add_maps_size() +
                     next_.remove_maps_size();
  if (wanted == 0 && !next_.has_all_maps() && topics_.empty()) return;
  topics_.MoveTo(next_);
  next_.set_interest_id(client_.interest_.last_change());
  writing_->Swap(&next_);
  write_in_flight_ = true;
  stream_->Write(writing_.get());
}

void WatchClient::ReplicaStream::OnWritten() {
  write_in_flight_ = false;
  writing_->Clear();
  Flush();
}

void WatchClient::ReplicaStream::OnReply(const sync::v1::WatchReply& reply) {
  replica_.MarkHealthy();
  for (const sync::v1::ShardPosition& each : reply.persisted()) client_.OnPersisted(each);
  reply_ = &reply;
  next_range_ = 0;
  next_publication_ = 0;
  handled_at_ = steady_clock::now();
  HandleSlice();
}

void WatchClient::ReplicaStream::HandleSlice() {
  const int first_range = next_range_;
  size_t bytes = 0;
  while (next_range_ < reply_->ranges_size() && bytes < kSliceBytes) {
    const sync::v1::WatchRange& range = reply_->ranges(next_range_++);
    bytes += range.keys().size() + range.cells().size();
    client_.OnRange(replica_, range);
  }
  while (next_publication_ < reply_->publications_size() && bytes < kSliceBytes) {
    bytes += HandlePublication(reply_->publications(next_publication_++));
  }
  client_.observer_->OnProgress();
  Follow(first_range);
  if (handled()) return stream_->ReadNext();
  boost::asio::post(client_.io_, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired() && stream_ != nullptr) HandleSlice();
  });
}

void WatchClient::ReplicaStream::Follow(int first_range) {
  for (int i = first_range; i < next_range_; ++i) {
    const sync::v1::WatchRange& range = reply_->ranges(i);
    if (range.trace() == 0 && range.contexts_size() == 0) continue;
    client_.probe_.tracer().EventQueued({.trace = range.trace(),
                                         .arrived = stream_->arrived(),
                                         .handled = handled_at_,
                                         .shard = range.shard(),
                                         .changes = range.kinds().size(),
                                         .incarnation = range.upto().incarnation(),
                                         .n = range.upto().n(),
                                         .commits = ContextsOf(range)});
  }
}

void WatchClient::ReplicaStream::OnEnded(const Status& status) {
  stream_.reset();
  client_.OnStreamEnded(replica_, status);  // destroys this object
}

WatchClient::WatchClient(boost::asio::io_context& io, size_t& active_streams, uint32_t shard_count,
                         ReplicaSet& replicas, Probe& probe)
    : io_(io),
      active_streams_(active_streams),
      replicas_(replicas),
      probe_(probe),
      shards_(shard_count) {
  replicas_.Observe(*this);
}

void WatchClient::Bind(ChangeObserver& observer, ShardObserver& shard_observer,
                       PublicationObserver& publication_observer) {
  observer_ = &observer;
  shard_observer_ = &shard_observer;
  publication_observer_ = &publication_observer;
}

uint64_t WatchClient::AddInterest(const std::string& map) {
  const Interest::Added added = interest_.Add(map);
  if (!added.is_new) return added.number;
  for (const auto& [replica, stream] : streams_) {
    sync::v1::WatchRequest& next = stream->next();
    Supersede(map, *next.mutable_remove_maps(), *next.mutable_add_maps());
  }
  FlushAll();
  return added.number;
}

void WatchClient::RemoveInterest(const std::string& map) {
  if (!interest_.Remove(map)) return;
  for (const auto& [replica, stream] : streams_) {
    sync::v1::WatchRequest& next = stream->next();
    Supersede(map, *next.mutable_add_maps(), *next.mutable_remove_maps());
  }
  FlushAll();
}

uint64_t WatchClient::WantAllMaps(bool wanted) {
  const Interest::Added change = interest_.WantAllMaps(wanted);
  if (!change.is_new) return change.number;
  for (const auto& [replica, stream] : streams_) stream->next().set_all_maps(wanted);
  FlushAll();
  return change.number;
}

bool WatchClient::Confirmed(uint64_t interest_id) const { return confirmed_ >= interest_id; }

WatchClient::ReplicaStream* WatchClient::StreamOf(Replica* replica) {
  const auto found = streams_.find(replica);
  return found == streams_.end() ? nullptr : found->second.get();
}

void WatchClient::OnReplicasChanged() {
  if (closed_) return;
  for (const auto& replica : replicas_.all()) {
    if (!replica->up() || streams_.contains(replica.get())) continue;
    streams_.emplace(replica.get(), std::make_unique<ReplicaStream>(*this, *replica));
  }
  for (uint32_t number = 0; number < shards_.size(); ++number) {
    Replica* const replica = replicas_.PickForShard(number);
    if (replica != nullptr && replica != shards_[number].replica) WatchAt(number, replica);
  }
  FlushAll();
}

bool WatchClient::Uses(const Replica& replica) const {
  const bool watched = std::any_of(shards_.begin(), shards_.end(),
                                   [&](const Shard& shard) { return shard.replica == &replica; });
  return watched || MayCarryTopics(replica);
}

void WatchClient::WatchAt(uint32_t number, Replica* replica) {
  Shard& shard = shards_[number];
  if (ReplicaStream* const old = shard.replica != replica ? StreamOf(shard.replica) : nullptr) {
    old->next().add_stop_shards(number);
  }
  shard.replica = replica;
  shard.heard = false;
  shard.asked_at = steady_clock::now();
  sync::v1::WatchShard& wanted = *StreamOf(replica)->next().add_shards();
  wanted.set_shard(number);
  if (!shard.upto) return;
  wanted.mutable_after()->set_incarnation(shard.upto->incarnation);
  wanted.mutable_after()->set_n(shard.upto->n);
}

void WatchClient::FlushAll() {
  for (const auto& [replica, stream] : streams_) stream->Flush();
}

// True whoever says it, so it does not matter where the shard is watched.
void WatchClient::OnPersisted(const sync::v1::ShardPosition& persisted) {
  if (persisted.shard() >= shards_.size()) return;
  shard_observer_->OnPersisted(persisted.shard(), FromProto(persisted.position()));
}

void WatchClient::OnRange(const Replica& replica, const sync::v1::WatchRange& range) {
  if (range.shard() >= shards_.size() || !ColumnsFit(range)) {
    logging::Error("watch", "malformed range", {{"replica", replica.address()}});
    return;
  }
  Shard& shard = shards_[range.shard()];
  if (shard.replica != &replica) return;  // moved meanwhile
  shard.heard = true;
  const state::Position upto = FromProto(range.upto());
  const std::optional<state::Position> known = shard.upto;
  const bool hole = known && FromProto(range.after()) > *known;
  if (range.gap() || hole) {
    shard.upto = upto;
    observer_->OnGap(range.shard());
  } else if (!known || upto > *known) {
    shard.upto = upto;
  }
  shard_observer_->OnIncarnation(range.shard(), upto.incarnation);
  Emit(range, known);

  if (range.interest_id() <= shard.confirmed) return;
  shard.confirmed = range.interest_id();
  confirmed_ = shard.confirmed;
  for (const Shard& other : shards_) confirmed_ = std::min(confirmed_, other.confirmed);
}

// Hands the changes on that are new.
void WatchClient::Emit(const sync::v1::WatchRange& range,
                       const std::optional<state::Position>& known) {
  RangeColumn keys(range.keys(), range.key_lengths());
  RangeColumn tags(range.tags(), range.tag_lengths());
  RangeColumn cells(range.cells(), range.cell_lengths());
  const auto count = static_cast<int>(range.kinds().size());
  probe_.EventsReceived(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    const auto flags = static_cast<uint8_t>(range.flags()[at]);
    const Change change{
        .map = range.maps(static_cast<int>(range.map_index(i))),
        .origin = range.origins(static_cast<int>(range.origin_index(i))),
        .kind = static_cast<state::CellKind>(range.kinds()[at]),
        .was_live = (flags & state::kChangeWasLive) != 0,
        .tell_origin = (flags & state::kChangeTellOrigin) != 0,
        .key = keys.Next(i),
        .tag = tags.Next(i),
        .cell = cells.Next(i),
        .shard = range.shard(),
        .position = {range.upto().incarnation(), range.positions(i)},
        .index = range.change_index_size() == 0 ? static_cast<uint32_t>(i) : range.change_index(i)};
    if (known && !range.gap() && change.position <= *known) continue;
    // What retention drops was hidden from clients long ago.
    if ((flags & state::kChangePruned) != 0) continue;
    observer_->OnChange(change);
  }
}

void WatchClient::OnStreamEnded(Replica& replica, const Status& status) {
  logging::Warning("watch", "stream ended",
                   {{"replica", replica.address()}, {"reason", Message(status)}});
  replica.MarkFailed();
  streams_.erase(&replica);
  for (Shard& shard : shards_) {
    if (shard.replica == &replica) shard.replica = nullptr;
  }
  if (!closed_) OnReplicasChanged();
}

void WatchClient::Tick(Time now) {
  if (closed_) return;
  for (uint32_t number = 0; number < shards_.size(); ++number) {
    const Shard& shard = shards_[number];
    if (shard.replica == nullptr || shard.heard || now - shard.asked_at < kAskAgain) continue;
    WatchAt(number, shard.replica);
  }
  for (const auto& [replica, stream] : streams_) stream->Tick(now);
  FlushAll();
}

void WatchClient::Close() {
  closed_ = true;
  streams_.clear();
}

}  // namespace topgun::gateway
