#include "backend/topic_outbox.h"

namespace topgun::gateway {
namespace {

// So that many tiny ones count as well.
constexpr size_t kPublicationBytes = 128;

}  // namespace

size_t TopicOutbox::BytesOf(const Publication& publication) {
  return publication.topic.size() + publication.data.size() + publication.origin.size() +
         kPublicationBytes;
}

// Changes alternate, so the second one takes the first one back.
void TopicOutbox::Change(const std::string& topic, bool wanted) {
  const auto [change, inserted] = changes_.try_emplace(topic, wanted);
  if (!inserted && change->second != wanted) changes_.erase(change);
}

bool TopicOutbox::Publish(const Publication& publication) {
  const size_t bytes = BytesOf(publication);
  if (bytes_ + bytes > limits_.bytes_max) return false;
  bytes_ += bytes;
  sync::v1::Publication& added = *waiting_.add_publications();
  added.set_topic(std::string(publication.topic));
  added.set_data(std::string(publication.data));
  added.set_origin(std::string(publication.origin));
  added.set_published_ms(publication.published_ms);
  return true;
}

void TopicOutbox::MoveTo(sync::v1::WatchRequest& request) {
  for (size_t i = 0; i < limits_.topics_per_message && !changes_.empty(); ++i) {
    const auto change = changes_.begin();
    if (change->second) {
      request.add_add_topics(change->first);
    } else {
      request.add_remove_topics(change->first);
    }
    changes_.erase(change);
  }
  // What is published waits for what is wanted, so that whoever subscribed before hears it.
  if (!changes_.empty()) return;
  request.mutable_publications()->Swap(waiting_.mutable_publications());
  bytes_ = 0;
}

}  // namespace topgun::gateway
