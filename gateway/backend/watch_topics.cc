// WatchClient: topics. What is wanted and published goes out with everything else that a stream has
// to tell its replica.
#include <algorithm>
#include <string>

#include "backend/watch_client.h"

namespace topgun::gateway {

void WatchClient::AddTopic(const std::string& topic) {
  if (!topics_.insert(topic).second) return;
  for (const auto& [replica, stream] : streams_) stream->topics().Add(topic);
  FlushAll();
}

void WatchClient::RemoveTopic(const std::string& topic) {
  if (topics_.erase(topic) == 0) return;
  for (const auto& [replica, stream] : streams_) stream->topics().Remove(topic);
  FlushAll();
}

Published WatchClient::Publish(const Publication& publication) {
  std::string name("topic/");
  name.append(publication.topic);
  ReplicaStream* const stream = StreamOf(replicas_.Pick(name));
  if (stream == nullptr) return Published::kNoReplica;
  if (!stream->topics().Publish(publication)) return Published::kBackedUp;
  stream->Flush();
  return Published::kSent;
}

bool WatchClient::MayCarryTopics(const Replica& replica) const {
  const auto lingers = [&replica](const auto& each) {
    return each.first == &replica && each.second->lingers();
  };
  return !topics_.empty() && std::any_of(streams_.begin(), streams_.end(), lingers);
}

void WatchClient::ReplicaStream::Tick(Time now) {
  ticked_at_ = now;
  if (replica_.listed()) {
    left_since_.reset();
  } else if (!left_since_) {
    left_since_ = now;
  }
}

size_t WatchClient::ReplicaStream::HandlePublication(const sync::v1::Publication& received) {
  const Publication publication{.topic = received.topic(),
                                .data = received.data(),
                                .origin = received.origin(),
                                .published_ms = received.published_ms()};
  client_.publication_observer_->OnPublication(publication);
  return TopicOutbox::BytesOf(publication);
}

void WatchClient::ReplicaStream::ReportLost() {
  size_t lost = topics_.publications();
  if (write_in_flight_) lost += static_cast<size_t>(writing_->publications_size());
  if (lost > 0) client_.publication_observer_->OnPublicationsLost(lost);
}

}  // namespace topgun::gateway
