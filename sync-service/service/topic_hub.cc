#include "service/topic_hub.h"

#include <algorithm>
#include <utility>

namespace topgun::sync {
namespace {

// So that many tiny ones count as well.
constexpr size_t kPublicationOverhead = 128;

}  // namespace

size_t BytesOf(const v1::Publication& publication) {
  return publication.topic().size() + publication.data().size() + publication.origin().size() +
         kPublicationOverhead;
}

bool TopicHub::Add(const SinkPtr& sink, const std::string& topic) {
  const std::lock_guard lock(mutex_);
  std::unordered_set<std::string>& own = topics_[sink.get()];
  if (own.contains(topic)) return true;
  if (own.size() >= limits_.topics_max) {
    probe_.TopicRefused();
    return false;
  }
  own.insert(topic);
  std::shared_ptr<const Sinks>& known = sinks_[topic];
  auto grown = known == nullptr ? std::make_shared<Sinks>() : std::make_shared<Sinks>(*known);
  grown->push_back(sink);
  known = std::move(grown);
  probe_.TopicSubscriptions(1);
  return true;
}

void TopicHub::Remove(const SinkPtr& sink, const std::string& topic) {
  const std::lock_guard lock(mutex_);
  const auto own = topics_.find(sink.get());
  if (own == topics_.end() || own->second.erase(topic) == 0) return;
  RemoveFrom(topic, sink);
}

// Topic by topic, so that publications are not held up.
void TopicHub::Forget(const SinkPtr& sink) {
  std::unordered_set<std::string> own;
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(sink.get());
    if (found == topics_.end()) return;
    own = std::move(found->second);
    topics_.erase(found);
  }
  for (const std::string& topic : own) {
    const std::lock_guard lock(mutex_);
    RemoveFrom(topic, sink);
  }
}

void TopicHub::RemoveFrom(const std::string& topic, const SinkPtr& sink) {
  const auto known = sinks_.find(topic);
  auto shrunk = std::make_shared<Sinks>(*known->second);
  std::erase(*shrunk, sink);
  if (shrunk->empty()) {
    sinks_.erase(known);
  } else {
    known->second = std::move(shrunk);
  }
  probe_.TopicSubscriptions(-1);
}

void TopicHub::Publish(const v1::Publication& publication) {
  if (BytesOf(publication) > limits_.publication_bytes_max) return probe_.PublicationTooLarge();
  std::shared_ptr<const Sinks> sinks;
  {
    const std::lock_guard lock(mutex_);
    const auto known = sinks_.find(publication.topic());
    if (known != sinks_.end()) sinks = known->second;
  }
  const size_t wanted = sinks == nullptr ? 0 : sinks->size();
  size_t taken = 0;
  for (size_t i = 0; i < wanted; ++i) taken += (*sinks)[i]->OnPublication(publication) ? 1 : 0;
  probe_.Published(taken, wanted - taken);
}

}  // namespace topgun::sync
