#include "search/live_searches.h"

#include <algorithm>
#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "search/search_answers.h"

namespace topgun::gateway {
namespace {

// Streams of live queries have smaller numbers (dispatch/fan_out.h).
constexpr uint64_t kFirstNumber = uint64_t{1} << 63U;

}  // namespace

LiveSearches::LiveSearches(const LiveSearchOptions& options, ChangeSource& source,
                           MapSearcher& searcher, SearchCalls& calls, ChangeObserver& others,
                           After after, SearchProbe& probe, const WallClock& clock)
    : options_(options),
      source_(source),
      searcher_(searcher),
      calls_(calls),
      others_(others),
      after_(std::move(after)),
      probe_(probe),
      clock_(clock),
      expiry_budget_{.bytes_max = options.expiry_bytes_max},
      next_number_(kFirstNumber) {}

std::optional<uint64_t> LiveSearches::Subscribe(Connection& connection, std::string_view id,
                                                SearchRequest request, bool readable) {
  Unsubscribe(connection, id);
  const auto own = by_connection_.find(&connection);
  const bool full = own != by_connection_.end() && own->second.size() >= options_.subscriptions_max;
  if (full || known_keys_ >= options_.loop_known_keys_max) {
    probe_.LiveRefused();
    return std::nullopt;
  }
  auto subscription = std::make_unique<Subscription>();
  subscription->serial = next_number_++;
  subscription->connection = &connection;
  subscription->group = &GroupOf(TopicOf(request.map), request.query);
  subscription->id.assign(id);
  subscription->limit = request.limit;
  subscription->min_score = request.min_score;
  subscription->readable = readable;
  std::string prefix;
  wire::EncodeSearchUpdatePrefix(id, prefix);
  subscription->prefix = std::make_shared<const std::string>(std::move(prefix));

  by_connection_[&connection].push_back(subscription.get());
  subscription->group->subscriptions.push_back(subscription.get());
  probe_.Live(1);
  const uint64_t serial = subscription->serial;
  subscriptions_.emplace(serial, std::move(subscription));
  return serial;
}

LiveSearches::Topic& LiveSearches::TopicOf(std::string_view map) {
  if (const auto found = topics_.find(map); found != topics_.end()) return *found->second;
  auto topic = std::make_unique<Topic>();
  topic->map.assign(map);
  topic->interest = source_.AddInterest(topic->map);
  Topic& made = *topic;
  topics_.emplace(made.map, std::move(topic));
  return made;
}

LiveSearches::Group& LiveSearches::GroupOf(Topic& topic, std::string_view query) {
  topic.idle_since.reset();
  if (const auto found = topic.groups.find(query); found != topic.groups.end()) {
    return *found->second;
  }
  auto group = std::make_unique<Group>(expiry_budget_);
  group->number = next_number_++;
  group->topic = &topic;
  group->query.assign(query);
  group->matched_terms = EncodeMatchedTerms(query);
  Group& made = *group;
  groups_.emplace(made.number, &made);
  topic.groups.emplace(made.query, std::move(group));
  return made;
}

LiveSearches::Group* LiveSearches::Find(uint64_t group_number) {
  const auto found = groups_.find(group_number);
  return found == groups_.end() ? nullptr : found->second;
}

void LiveSearches::Trace(uint64_t serial, Tracer::QuestionPtr question) {
  const auto found = subscriptions_.find(serial);
  if (found != subscriptions_.end()) found->second->question = std::move(question);
}

void LiveSearches::Ready(uint64_t serial) {
  const auto found = subscriptions_.find(serial);
  if (found == subscriptions_.end()) return;
  if (!found->second->readable) return Suspend(*found->second);
  Wait(*found->second);
  StartReads();
}

void LiveSearches::Wait(Subscription& subscription) {
  subscription.stage = Stage::kWaiting;
  subscription.waiting_since = now_;
  waiting_.push_back(subscription.serial);
}

void LiveSearches::Suspend(Subscription& subscription) {
  subscription.stage = Stage::kSuspended;
  subscription.live = false;
  subscription.missed.clear();
  SetKnown(subscription, {});
}

void LiveSearches::SetKnown(Subscription& subscription, Keys keys) {
  probe_.KnownKeys(static_cast<int64_t>(keys.size()) -
                   static_cast<int64_t>(subscription.known.size()));
  known_keys_ += keys.size();
  known_keys_ -= subscription.known.size();
  subscription.known = std::move(keys);
}

void LiveSearches::Recheck() {
  for (const auto& [serial, subscription] : subscriptions_) {
    const std::string& map = subscription->group->topic->map;
    Connection& connection = *subscription->connection;
    const Decision decision = context_->gate.CheckRead(connection, map);
    const bool readable = decision == Decision::kAllow;
    if (std::exchange(subscription->readable, readable) == readable) continue;
    if (!readable) {
      connection.session().Reply(SearchFailure(subscription->id, SearchDenial(decision, map)));
    }
    // One that is held still hears of its connection's writes.
    if (subscription->stage == Stage::kHeld) continue;
    if (readable) {
      probe_.Reset(SearchReset::kAllowed);
      Wait(*subscription);
    } else {
      Suspend(*subscription);
    }
  }
  StartReads();
}

void LiveSearches::Unsubscribe(Connection& connection, std::string_view id) {
  const auto own = by_connection_.find(&connection);
  if (own == by_connection_.end()) return;
  const auto found = std::find_if(own->second.begin(), own->second.end(),
                                  [&](const auto* held) { return held->id == id; });
  if (found == own->second.end()) return;
  Subscription& subscription = **found;
  own->second.erase(found);
  if (own->second.empty()) by_connection_.erase(own);
  Remove(subscription);
}

void LiveSearches::Forget(Connection& connection) {
  const auto own = by_connection_.find(&connection);
  if (own == by_connection_.end()) return;
  for (Subscription* const subscription : own->second) Remove(*subscription);
  by_connection_.erase(own);
}

size_t LiveSearches::CountOf(Connection& connection) const {
  const auto found = by_connection_.find(&connection);
  return found == by_connection_.end() ? 0 : found->second.size();
}

// Takes it out of everything but by_connection_.
void LiveSearches::Remove(Subscription& subscription) {
  Group& group = *subscription.group;
  std::erase(group.subscriptions, &subscription);
  SetKnown(subscription, {});
  probe_.Live(-1);
  subscriptions_.erase(subscription.serial);
  if (!group.subscriptions.empty()) return;
  Topic& topic = *group.topic;
  groups_.erase(group.number);
  topic.groups.erase(topic.groups.find(group.query));
  if (topic.groups.empty()) topic.idle_since = now_;
}

void LiveSearches::Tick(Time now) {
  now_ = now;
  HideExpired();
  StartReads();
  TellWaiting();
  std::erase_if(topics_, [&](const auto& named) {
    const Topic& topic = *named.second;
    if (!topic.idle_since || now - *topic.idle_since <= options_.interest_linger) return false;
    source_.RemoveInterest(topic.map);
    return true;
  });
}

}  // namespace topgun::gateway
