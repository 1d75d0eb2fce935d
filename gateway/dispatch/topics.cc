#include "dispatch/topics.h"

#include <algorithm>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/error_codes.h"
#include "wire/plain_name.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kWrongTopic = 400;
constexpr int64_t kPublicationTooLarge = 413;
constexpr int64_t kTooManyTopics = 429;
constexpr std::string_view kNameText = "Invalid topic name";
constexpr std::string_view kDataText = "data: must hold no extensions and only string keys";
constexpr std::string_view kNilData = "\xc0";

SharedBytes MessageOf(const Publication& publication) {
  std::string bytes;
  wire::EncodeTopicMessage({.topic = publication.topic,
                            .data = publication.data,
                            .publisher_id = {},
                            .timestamp = publication.published_ms},
                           bytes);
  return std::make_shared<const std::string>(std::move(bytes));
}

std::string TooLarge(size_t bytes, size_t bytes_max) {
  return "data: " + std::to_string(bytes) + " bytes exceed the maximum of " +
         std::to_string(bytes_max) + " bytes";
}

}  // namespace

void Topics::OnSubscribe(Connection& connection, std::string_view name) {
  Topic* const topic = Enter(connection, name);
  if (topic == nullptr) return;
  const Decision decision = Check(connection, Action::kRead, name);
  topic->subscribers[&connection] = decision == Decision::kAllow;
  if (decision != Decision::kAllow) Refuse(connection, decision, name);
}

Topics::Topic* Topics::Enter(Connection& connection, std::string_view name) {
  Topic* topic = Find(name);
  if (topic != nullptr && topic->subscribers.contains(&connection)) return topic;
  const auto refuse = [&connection](int64_t code, std::string_view text) {
    connection.writes().SendError(code, text);
    return nullptr;
  };
  if (!wire::IsPlainName(name)) return refuse(kWrongTopic, kNameText);
  if (CountOf(connection) >= options_.subscriptions_max) {
    return refuse(kWrongTopic, "Subscription limit reached");
  }
  if (topic == nullptr && topics_.size() >= options_.topics_max) {
    return refuse(kTooManyTopics, "too many topics");
  }
  if (topic == nullptr) topic = &Make(name);
  topic->subscribers.emplace(&connection, false);
  by_connection_[&connection].push_back(topic);
  probe_.Subscriptions(1);
  return topic;
}

Topics::Topic* Topics::Find(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

Topics::Topic& Topics::Make(std::string_view name) {
  auto topic = std::make_unique<Topic>();
  topic->name.assign(name);
  bus_.AddTopic(topic->name);
  probe_.Topics(1);
  Topic& made = *topic;
  topics_.emplace(made.name, std::move(topic));
  return made;
}

void Topics::OnUnsubscribe(Connection& connection, std::string_view name) {
  Topic* const topic = Find(name);
  if (topic == nullptr || !topic->subscribers.contains(&connection)) return;
  const auto own = by_connection_.find(&connection);
  std::erase(own->second, topic);
  if (own->second.empty()) by_connection_.erase(own);
  Remove(*topic, connection);
}

void Topics::Forget(Connection& connection) {
  const auto own = by_connection_.find(&connection);
  if (own == by_connection_.end()) return;
  for (Topic* const topic : own->second) Remove(*topic, connection);
  by_connection_.erase(own);
}

// Takes it out of everything but by_connection_.
void Topics::Remove(Topic& topic, Connection& connection) {
  topic.subscribers.erase(&connection);
  probe_.Subscriptions(-1);
  if (!topic.subscribers.empty()) return;
  bus_.RemoveTopic(topic.name);
  probe_.Topics(-1);
  topics_.erase(topics_.find(topic.name));
}

size_t Topics::CountOf(Connection& connection) const {
  const auto own = by_connection_.find(&connection);
  return own == by_connection_.end() ? 0 : own->second.size();
}

void Topics::OnPublish(Connection& connection, const wire::TopicPubFrame& frame) {
  WritePath& writes = connection.writes();
  if (!wire::IsPlainName(frame.topic)) return writes.SendError(kWrongTopic, kNameText);
  if (!frame.portable) return writes.SendError(kWrongTopic, kDataText);
  const size_t bytes = frame.data.size();
  if (bytes > options_.publication_bytes_max) {
    return writes.SendError(kPublicationTooLarge, TooLarge(bytes, options_.publication_bytes_max));
  }
  const Decision decision = Check(connection, Action::kWrite, frame.topic);
  if (decision != Decision::kAllow) return Refuse(connection, decision, frame.topic);
  probe_.PublishedAs(bus_.Publish({.topic = frame.topic,
                                   .data = frame.data.empty() ? kNilData : frame.data,
                                   .origin = connection.origin(),
                                   .published_ms = clock_.NowMs()}));
}

void Topics::OnPublication(const Publication& publication) {
  const Topic* const topic = Find(publication.topic);
  if (topic != nullptr) Deliver(*topic, publication, MessageOf(publication));
}

void Topics::Deliver(const Topic& topic, const Publication& publication,
                     const SharedBytes& message) {
  size_t delivered = 0;
  size_t lost = 0;
  for (const auto& [connection, may_read] : topic.subscribers) {
    if (!may_read || connection->ended() || connection->origin() == publication.origin) continue;
    const bool queued =
        connection->session().Push({.head = message, .tail = {}, .key = {}, .lossy = true});
    ++(queued ? delivered : lost);
  }
  if (delivered > 0) probe_.Delivered(delivered);
  if (lost > 0) probe_.LostBySlowReaders(lost);
}

void Topics::Recheck() {
  for (const auto& [name, topic] : topics_) {
    for (auto& [connection, may_read] : topic->subscribers) {
      const Decision decision = Check(*connection, Action::kRead, name);
      const bool readable = decision == Decision::kAllow;
      if (std::exchange(may_read, readable) && !readable) Refuse(*connection, decision, name);
    }
  }
}

// Also while everything is open: names that are reserved stay so.
Decision Topics::Check(const Connection& connection, Action action, std::string_view name) const {
  return access_.Check(connection.principal(), action, name, {});
}

void Topics::Refuse(Connection& connection, Decision decision, std::string_view name) {
  if (decision == Decision::kUnknown) {
    return connection.writes().SendError(
        kUnavailable,
        "access policies are not known yet, topic cannot be used: " + std::string(name));
  }
  connection.writes().SendError(kForbidden, "Access Denied for topic " + std::string(name));
}

}  // namespace topgun::gateway
