#include "domain/loser_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace topgun::sync {

namespace {

// List node, iterator and allocator overhead of an entry, roughly.
constexpr uint64_t kLoserOverhead = 256;

}  // namespace

uint64_t LoserLog::Cost(const LostWrite& lost) {
  return lost.map.size() + lost.key.size() + lost.value.size() + lost.timestamp.node_id.size() +
         lost.winner.node_id.size() + kLoserOverhead;
}

uint64_t LoserLog::Cost(const Entry& entry) {
  const Loser& loser = entry.loser;
  return Cost({entry.map, loser.key, loser.value, loser.timestamp.view(), loser.winner.view()});
}

void LoserLog::Add(const LostWrite& lost, int64_t now_ms) {
  const uint64_t cost = Cost(lost);
  if (cost > limits_.bytes_max / 8) return;
  auto found = by_map_.find(lost.map);
  if (found == by_map_.end()) found = by_map_.try_emplace(std::string(lost.map)).first;
  auto& of_map = found->second;
  const bool known = std::any_of(of_map.begin(), of_map.end(), [&](const auto& entry) {
    return entry->loser.key == lost.key && entry->loser.timestamp.view() == lost.timestamp;
  });
  if (known) return;
  entries_.push_back(
      {std::string(lost.map),
       {std::string(lost.key), std::string(lost.value), crdt::Timestamp(lost.timestamp),
        crdt::Timestamp(lost.winner), now_ms, lost.ttl_ms}});
  of_map.push_back(std::prev(entries_.end()));
  bytes_ += cost;
  if (of_map.size() > limits_.per_map) Drop(of_map.front());
  while (bytes_ > limits_.bytes_max || by_map_.size() > limits_.maps) Drop(entries_.begin());
}

void LoserLog::Drop(Entries::iterator entry) {
  const auto of_map = by_map_.find(entry->map);
  of_map->second.pop_front();
  if (of_map->second.empty()) by_map_.erase(of_map);
  bytes_ -= Cost(*entry);
  entries_.erase(entry);
}

std::vector<Loser> LoserLog::List(std::string_view map, std::optional<std::string_view> key) const {
  std::vector<Loser> out;
  const auto found = by_map_.find(map);
  if (found == by_map_.end()) return out;
  for (auto it = found->second.rbegin(); it != found->second.rend(); ++it) {
    if (!key.has_value() || (*it)->loser.key == *key) out.push_back((*it)->loser);
  }
  return out;
}

}  // namespace topgun::sync
