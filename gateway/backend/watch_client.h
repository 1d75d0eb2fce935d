// Hears what changes: one Watch stream per replica, every shard watched at the replica that is
// responsible for it (architecture section 5).
//
// A shard's ranges join: (after, upto], each starting where the last one ended. When a stream
// breaks or a shard moves, the shard is watched elsewhere from its last upto. Ranges that overlap
// what is known are cut, ranges that leave a hole are gaps. Interest in maps and topics is the same
// on every stream; a stream that opens later starts with all of it.
//
// A publication goes to the replica that rendezvous hashing picks for its topic, which tells all
// streams that want the topic, so its order is that of this stream. While the pick changes, later
// publications may overtake earlier ones that are still on their way.
//
// Owned by the loop; one thread. After Close() it must live until its streams have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "backend/bidi_stream.h"
#include "backend/interest.h"
#include "backend/replica_set.h"
#include "backend/shard_observer.h"
#include "backend/topic_outbox.h"
#include "dispatch/io.h"
#include "probe.h"

namespace topgun::gateway {

class WatchClient final : public ChangeSource, public TopicBus, public ReplicaSet::Observer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Gateways hear one after the other that a replica leaves. So long its publications are heard.
  static constexpr std::chrono::milliseconds kTopicLinger{10'000};

  WatchClient(boost::asio::io_context& io, size_t& active_streams, uint32_t shard_count,
              ReplicaSet& replicas, Probe& probe);
  // Before the first replica is up.
  void Bind(ChangeObserver& observer, ShardObserver& shard_observer,
            PublicationObserver& publication_observer);

  uint64_t AddInterest(const std::string& map) override;
  void RemoveInterest(const std::string& map) override;
  uint64_t WantAllMaps(bool wanted) override;
  bool Confirmed(uint64_t interest_id) const override;

  void AddTopic(const std::string& topic) override;
  void RemoveTopic(const std::string& topic) override;
  Published Publish(const Publication& publication) override;

  void OnReplicasChanged() override;
  bool Uses(const Replica& replica) const override;
  void OnReplicaRemoved(Replica& replica) override { streams_.erase(&replica); }
  void Tick(Time now);
  void Close();

 private:
  using Stream = BidiStream<sync::v1::WatchRequest, sync::v1::WatchReply>;

  // One replica's stream and what it still has to be told.
  class ReplicaStream final : public Stream::Listener {
   public:
    ReplicaStream(WatchClient& client, Replica& replica);
    ~ReplicaStream() override;

    sync::v1::WatchRequest& next() { return next_; }
    TopicOutbox& topics() { return topics_; }
    void Flush();
    void Tick(Time now);
    // Others may still publish through it, although it is not listed any more.
    bool lingers() const { return !left_since_ || ticked_at_ - *left_since_ < kTopicLinger; }

    void OnReply(const sync::v1::WatchReply& reply) override;
    void OnWritten() override;
    void OnEnded(const Status& status) override;

   private:
    // Hands a slice of the reply on, so that sockets can be written before the next one: after a
    // stall a reply holds more than a connection may have queued.
    void HandleSlice();
    // Returns what it is counted with.
    size_t HandlePublication(const sync::v1::Publication& received);
    // Publications that go down with the stream, or may do so.
    void ReportLost();
    bool handled() const {
      return next_range_ == reply_->ranges_size() &&
             next_publication_ == reply_->publications_size();
    }
    // Records the way of those changes of the slice that are followed.
    void Follow(int first_range);

    WatchClient& client_;
    Replica& replica_;
    const sync::v1::WatchReply* reply_ = nullptr;  // being handed on
    int next_range_ = 0;
    int next_publication_ = 0;
    Time handled_at_;  // the reply
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    sync::v1::WatchRequest next_;
    TopicOutbox topics_;
    std::shared_ptr<sync::v1::WatchRequest> writing_;
    std::shared_ptr<Stream> stream_;
    bool write_in_flight_ = false;
    std::optional<Time> left_since_;  // when the replica was found not to be listed
    Time ticked_at_;
  };

  struct Shard {
    Replica* replica = nullptr;  // where it is watched
    std::optional<state::Position> upto;
    uint64_t confirmed = 0;  // interest its ranges honour
    bool heard = false;      // something from the current replica
    Time asked_at;
  };

  ReplicaStream* StreamOf(Replica* replica);
  void WatchAt(uint32_t number, Replica* replica);
  void FlushAll();
  bool MayCarryTopics(const Replica& replica) const;
  void OnPersisted(const sync::v1::ShardPosition& persisted);
  void OnRange(const Replica& replica, const sync::v1::WatchRange& range);
  void Emit(const sync::v1::WatchRange& range, const std::optional<state::Position>& known);
  void OnStreamEnded(Replica& replica, const Status& status);

  boost::asio::io_context& io_;
  size_t& active_streams_;
  ReplicaSet& replicas_;
  Probe& probe_;
  ChangeObserver* observer_ = nullptr;
  ShardObserver* shard_observer_ = nullptr;
  PublicationObserver* publication_observer_ = nullptr;
  std::vector<Shard> shards_;
  Interest interest_;
  uint64_t confirmed_ = 0;  // by every shard
  std::unordered_set<std::string> topics_;
  std::unordered_map<Replica*, std::unique_ptr<ReplicaStream>> streams_;
  bool closed_ = false;
};

}  // namespace topgun::gateway
