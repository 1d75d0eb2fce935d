// LiveSearches: what changes of records do to the results.
#include <algorithm>
#include <limits>
#include <utility>

#include "dispatch/connection.h"
#include "search/live_searches.h"

namespace topgun::gateway {

class LiveSearches::News {
 public:
  // `hit` is null when the record is none.
  News(const Group& group, const std::string& key, const SearchHit* hit)
      : group_(group), key_(key), hit_(hit) {}

  const std::string& key() const { return key_; }
  bool Reaches(double min_score) const { return hit_ != nullptr && hit_->score >= min_score; }

  const SharedBytes& Suffix(wire::ChangeType change) {
    SharedBytes& suffix = suffixes_[static_cast<size_t>(change)];
    if (suffix == nullptr) {
      wire::SearchHit told{.key = key_};
      if (change != wire::ChangeType::kLeave) {
        told.score = hit_->score;
        told.matched_terms = group_.matched_terms;
      }
      std::string bytes;
      wire::EncodeSearchUpdateSuffix(told, change, bytes);
      suffix = std::make_shared<const std::string>(std::move(bytes));
    }
    return suffix;
  }

 private:
  const Group& group_;
  const std::string& key_;
  const SearchHit* const hit_;
  std::array<SharedBytes, 3> suffixes_;
};

void LiveSearches::OnChange(const Change& change) {
  others_.OnChange(change);
  if (change.kind != state::CellKind::kLww) return;
  const auto found = topics_.find(change.map);
  if (found == topics_.end()) return;
  for (const auto& [query, group] : found->second->groups) {
    const bool wanted = std::any_of(group->subscriptions.begin(), group->subscriptions.end(),
                                    [](const auto* each) { return each->listens(); });
    if (!wanted) continue;
    group->changed.emplace(change.key);
    if (group->changed.size() > options_.changed_keys_max) {
      // Searching again is cheaper than keeping any number of keys.
      group->changed.clear();
      ReadAgain(*group, SearchReset::kTooManyKeys);
    }
    AskSoon(*group);
  }
}

void LiveSearches::AskSoon(Group& group) {
  if (group.scheduled || group.asking || group.changed.empty()) return;
  group.scheduled = true;
  after_(options_.gather, [this, number = group.number] { AskScores(number); });
}

void LiveSearches::AskScores(uint64_t group_number) {
  Group* const group = Find(group_number);
  if (group == nullptr) return;
  group->scheduled = false;
  std::vector<std::string> keys;
  while (!group->changed.empty() && keys.size() < SearchRequest::kKeysMax) {
    keys.push_back(std::move(group->changed.extract(group->changed.begin()).value()));
  }
  if (keys.empty()) return;
  group->asking = true;
  SearchRequest request{.map = group->topic->map, .query = group->query};
  request.min_score = -std::numeric_limits<double>::infinity();  // subscriptions have their own
  request.keys = keys;
  searcher_.Search(std::move(request),
                   [this, group_number, keys = std::move(keys)](const StatusOr<SearchHits>& hits) {
                     OnScores(group_number, keys, hits);
                   });
}

void LiveSearches::OnScores(uint64_t group_number, const std::vector<std::string>& keys,
                            const StatusOr<SearchHits>& hits) {
  Group* const group = Find(group_number);
  if (group == nullptr) return;
  group->asking = false;
  if (hits.ok()) {
    probe_.Scored(keys.size());
    Deliver(*group, keys, **hits);
  } else {
    ReadAgain(*group, SearchReset::kFailed);
  }
  AskSoon(*group);
}

void LiveSearches::Deliver(Group& group, const std::vector<std::string>& keys,
                           const std::vector<SearchHit>& hits) {
  std::unordered_map<std::string_view, const SearchHit*> by_key;
  for (const SearchHit& hit : hits) by_key.emplace(hit.key, &hit);
  for (const std::string& key : keys) {
    const auto found = by_key.find(key);
    const SearchHit* const hit = found == by_key.end() ? nullptr : found->second;
    if (hit != nullptr) {
      LearnExpiry(group, *hit);
    } else {
      group.expiries.Cancel(key);
    }
    News news(group, key, hit);
    for (Subscription* const subscription : group.subscriptions) {
      if (subscription->stage == Stage::kReading) Miss(*subscription, key);
      if (subscription->live) Tell(*subscription, news);
    }
  }
}

void LiveSearches::Miss(Subscription& subscription, const std::string& key) {
  subscription.missed.insert(key);
  if (subscription.missed.size() <= options_.changed_keys_max) return;
  subscription.missed.clear();
  subscription.stale = true;
}

void LiveSearches::Tell(Subscription& subscription, News& news) {
  const bool known = subscription.known.contains(news.key());
  if (!news.Reaches(subscription.min_score)) {
    if (!known) return;
    subscription.known.erase(news.key());
    --known_keys_;
    probe_.KnownKeys(-1);
    return Push(subscription, news, wire::ChangeType::kLeave);
  }
  if (known) return Push(subscription, news, wire::ChangeType::kUpdate);
  if (subscription.known.size() >= options_.known_keys_max ||
      known_keys_ >= options_.loop_known_keys_max) {
    return ReadAgain(subscription, SearchReset::kTooManyKeys);
  }
  subscription.known.insert(news.key());
  ++known_keys_;
  probe_.KnownKeys(1);
  Push(subscription, news, wire::ChangeType::kEnter);
}

void LiveSearches::Push(Subscription& subscription, News& news, wire::ChangeType change) {
  probe_.Updated(1);
  subscription.connection->session().Push({.head = subscription.prefix,
                                           .tail = news.Suffix(change),
                                           .stream = subscription.stream,
                                           .key = news.key(),
                                           .keep = change == wire::ChangeType::kEnter});
}

void LiveSearches::LearnExpiry(Group& group, const SearchHit& hit) {
  if (hit.expires_ms) {
    group.expiries.Set(hit.key, *hit.expires_ms);
  } else {
    group.expiries.Cancel(hit.key);
  }
}

// A record whose TTL passes leaves without a change in the cluster.
void LiveSearches::HideExpired() {
  const int64_t now_ms = clock_.NowMs();
  size_t left = options_.expired_per_tick;
  for (const auto& [number, group] : groups_) {
    for (; left > 0; --left) {
      const std::optional<std::string> key = group->expiries.PopHidden(now_ms);
      if (!key) break;
      News news(*group, *key, nullptr);
      for (Subscription* const subscription : group->subscriptions) {
        if (subscription->live) Tell(*subscription, news);
      }
    }
    if (group->expiries.TakeOverflow(now_ms)) ReadAgain(*group, SearchReset::kExpiry);
  }
}

}  // namespace topgun::gateway
