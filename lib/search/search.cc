#include "search/search.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "scorer.h"

namespace topgun::search {
namespace {

constexpr uint32_t kWindowFirst = 64;
constexpr uint32_t kWindowMax = 65'536;

// A window that has taken long is followed by a shorter one.
uint32_t NextWindow(uint32_t window, uint64_t steps, uint64_t steps_max) {
  if (steps > steps_max / 2) return std::max(window / 2, 1U);
  if (steps < steps_max / 8) return std::min(window * 2, kWindowMax);
  return window;
}

}  // namespace

bool IsBetter(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.key < b.key;
}

SearchRun::SearchRun(std::shared_ptr<const SearchQuery> query, Statistics statistics, size_t limit,
                     double min_score)
    : query_(std::move(query)),
      statistics_(std::move(statistics)),
      limit_(limit),
      min_score_(min_score),
      window_(kWindowFirst) {}

bool SearchRun::Advance(const SearchIndex& index, uint64_t steps_max) {
  Scoring scoring{.index = index, .query = *query_, .statistics = statistics_};
  const std::unique_ptr<Scorer> scorer = MakeScorer(scoring);
  if (scorer == nullptr || limit_ == 0) return true;
  while (next_slot_ < index.slot_end()) {
    if (scoring.steps >= steps_max) return false;
    const uint64_t steps_before = scoring.steps;
    const uint32_t end = next_slot_ + std::min(window_, index.slot_end() - next_slot_);
    uint32_t slot = scorer->Seek(next_slot_, end);
    for (; slot < end; slot = scorer->Seek(slot + 1, end)) {
      Offer(index.KeyOf(slot), scorer->Score());
    }
    next_slot_ = slot;
    window_ = NextWindow(window_, scoring.steps - steps_before, steps_max);
  }
  return true;
}

void SearchRun::Offer(std::string_view key, double score) {
  if (!(score >= min_score_)) return;
  if (best_.size() == limit_ && score < best_.front().score) return;
  Hit hit{.key = std::string(key), .score = score};
  if (best_.size() == limit_) {
    if (!IsBetter(hit, best_.front())) return;
    std::pop_heap(best_.begin(), best_.end(), IsBetter);
    best_.pop_back();
  }
  best_.push_back(std::move(hit));
  std::push_heap(best_.begin(), best_.end(), IsBetter);
}

std::vector<Hit> SearchRun::TakeHits() {
  // A record that left its slot and came back between two slices was met twice.
  std::sort(best_.begin(), best_.end(), [](const Hit& a, const Hit& b) { return a.key < b.key; });
  const auto twice = [](const Hit& a, const Hit& b) { return a.key == b.key; };
  best_.erase(std::unique(best_.begin(), best_.end(), twice), best_.end());
  std::sort(best_.begin(), best_.end(), IsBetter);
  return std::exchange(best_, {});
}

std::vector<Hit> ScoreKeys(const SearchIndex& index, const SearchQuery& query,
                           const Statistics& statistics, const std::vector<std::string>& keys,
                           double min_score) {
  std::vector<uint32_t> slots;
  for (const std::string& key : keys) {
    if (const auto slot = index.SlotOf(key)) slots.push_back(*slot);
  }
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  Scoring scoring{.index = index, .query = query, .statistics = statistics};
  const std::unique_ptr<Scorer> scorer = MakeScorer(scoring);
  std::vector<Hit> hits;
  for (const uint32_t slot : slots) {
    if (scorer == nullptr || scorer->Seek(slot, slot + 1) != slot) continue;
    const double score = scorer->Score();
    if (score >= min_score) hits.push_back({std::string(index.KeyOf(slot)), score});
  }
  std::sort(hits.begin(), hits.end(), IsBetter);
  return hits;
}

std::vector<Hit> Search(const SearchIndex& index, const SearchQuery& query, size_t limit,
                        double min_score) {
  SearchRun run(std::make_shared<const SearchQuery>(query), index.StatisticsFor(query), limit,
                min_score);
  run.Advance(index, std::numeric_limits<uint64_t>::max());
  return run.TakeHits();
}

std::vector<Hit> MergeHits(std::vector<std::vector<Hit>> parts, size_t limit) {
  std::vector<Hit> hits;
  for (std::vector<Hit>& part : parts) {
    std::move(part.begin(), part.end(), std::back_inserter(hits));
  }
  std::sort(hits.begin(), hits.end(), IsBetter);
  if (hits.size() > limit) hits.resize(limit);
  return hits;
}

}  // namespace topgun::search
