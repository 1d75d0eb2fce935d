// LiveSearches: the results that a subscription begins with, and those that replace them.
#include <algorithm>
#include <utility>

#include "dispatch/connection.h"
#include "search/live_searches.h"
#include "search/search_answers.h"

namespace topgun::gateway {

void LiveSearches::OnProgress() {
  others_.OnProgress();
  StartReads();
}

void LiveSearches::OnGap(uint32_t shard) {
  others_.OnGap(shard);
  for (const auto& [number, group] : groups_) ReadAgain(*group, SearchReset::kGap);
}

void LiveSearches::StartReads() {
  std::erase_if(waiting_, [this](uint64_t serial) {
    const auto found = subscriptions_.find(serial);
    if (found == subscriptions_.end()) return true;
    Subscription& subscription = *found->second;
    if (subscription.stage != Stage::kWaiting) return true;
    if (now_ < subscription.not_before) return false;
    if (!source_.Confirmed(subscription.group->topic->interest)) return false;
    StartRead(subscription);
    return true;
  });
}

void LiveSearches::StartRead(Subscription& subscription) {
  subscription.stage = Stage::kReading;
  subscription.stale = false;
  subscription.missed.clear();
  const Tracer::Scope scope(context_->probe.tracer(), subscription.question);
  calls_.Ask({.map = subscription.group->topic->map,
              .query = subscription.group->query,
              .limit = subscription.limit,
              .min_score = subscription.min_score},
             [this, serial = subscription.serial](const StatusOr<SearchHits>& hits) {
               OnResults(serial, hits);
             });
}

void LiveSearches::OnResults(uint64_t serial, const StatusOr<SearchHits>& hits) {
  const auto found = subscriptions_.find(serial);
  if (found == subscriptions_.end() || found->second->stage != Stage::kReading) return;
  Subscription& subscription = *found->second;
  if (!hits.ok()) return Fail(subscription, hits.status());
  if (subscription.stale) {
    Wait(subscription);
    return StartReads();
  }
  Settle(subscription, **hits);
}

void LiveSearches::Settle(Subscription& subscription, const std::vector<SearchHit>& hits) {
  Group& group = *subscription.group;
  subscription.connection->session().Reply(
      SearchResults(subscription.id, hits, group.matched_terms));
  if (subscription.question != nullptr) {
    context_->probe.tracer().Answered(*std::exchange(subscription.question, nullptr));
  }
  subscription.stage = Stage::kSettled;
  subscription.live = true;
  subscription.told = false;
  // News that are queued in front of the results must not take those behind them to their place.
  subscription.stream = next_number_++;
  Keys known;
  for (const SearchHit& hit : hits) {
    known.insert(hit.key);
    LearnExpiry(group, hit);
  }
  SetKnown(subscription, std::move(known));
  group.changed.merge(subscription.missed);
  subscription.missed.clear();
  AskSoon(group);
}

void LiveSearches::Fail(Subscription& subscription, const Status& status) {
  const std::string& map = subscription.group->topic->map;
  // Who has results keeps them until there are others.
  if (!subscription.live && !std::exchange(subscription.told, true)) {
    subscription.connection->session().Reply(
        SearchFailure(subscription.id, SearchProblem(status, map)));
  }
  if (status.code() == StatusCode::kInvalidArgument) {  // for good
    return Unsubscribe(*subscription.connection, subscription.id);
  }
  const bool full = status.code() == StatusCode::kResourceExhausted;
  subscription.not_before = now_ + (full ? options_.retry_full : options_.retry);
  Wait(subscription);
}

void LiveSearches::TellWaiting() {
  for (const uint64_t serial : waiting_) {
    const auto found = subscriptions_.find(serial);
    if (found == subscriptions_.end()) continue;
    Subscription& subscription = *found->second;
    if (subscription.stage != Stage::kWaiting || subscription.live || subscription.told) continue;
    if (now_ - subscription.waiting_since <= options_.wait_limit) continue;
    subscription.told = true;
    subscription.connection->session().Reply(SearchFailure(
        subscription.id, SearchProblem(Unavailable(""), subscription.group->topic->map)));
  }
}

void LiveSearches::ReadAgain(Subscription& subscription, SearchReset why) {
  if (subscription.stage == Stage::kReading) {
    subscription.stale = true;
  } else if (subscription.stage == Stage::kSettled) {
    probe_.Reset(why);
    Wait(subscription);
  }
}

void LiveSearches::ReadAgain(Group& group, SearchReset why) {
  for (Subscription* const subscription : group.subscriptions) ReadAgain(*subscription, why);
}

}  // namespace topgun::gateway
