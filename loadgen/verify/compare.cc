#include "verify/compare.h"

#include <algorithm>

#include "workload/identity.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kExamplesMax = 10;
constexpr uint8_t kSeenAdded = 1;
constexpr uint8_t kSeenRemoved = 2;

enum class Finding { kNone, kMissing, kStale, kResurrected };

void Note(Finding finding, const std::string& where, VerifyReport* report) {
  const char* word = "";
  switch (finding) {
    case Finding::kNone:
      return;
    case Finding::kMissing:
      ++report->missing;
      word = "missing: ";
      break;
    case Finding::kStale:
      ++report->stale;
      word = "stale: ";
      break;
    case Finding::kResurrected:
      ++report->resurrected;
      word = "resurrected: ";
      break;
  }
  if (report->examples.size() < kExamplesMax) report->examples.push_back(word + where);
}

// The value that a row must hold to be the result of this write; nothing for a removal.
bool Shows(const LwwRows& rows, uint64_t key, const LwwWrite& write, uint32_t run) {
  const auto row = rows.find(key);
  if (row == rows.end()) return write.is_removal;
  return !write.is_removal && row->second &&
         row->second->identity == OpIdentity{run, write.writer, write.op_id};
}

Finding Judge(const LwwRows& rows, uint64_t key, const LwwWrite& newest) {
  if (newest.is_removal) return Finding::kResurrected;
  return rows.contains(key) ? Finding::kStale : Finding::kMissing;
}

std::string Describe(const Ledger& ledger, uint32_t map, uint64_t key, const LwwWrite& write) {
  return ledger.keys().maps()[map].name + " " + KeySpace::KeyName(key) + ", " +
         (write.is_removal ? "removal" : "write") + " " + std::to_string(write.op_id) + " of " +
         NodeId(ledger.run(), write.writer) + " at " + std::to_string(write.stamp.millis) + ":" +
         std::to_string(write.stamp.counter);
}

// What was seen, by writer and index of the tag in the ledger.
std::vector<std::vector<uint8_t>> MarkSeen(const Ledger& ledger, const Sightings& sightings) {
  const auto& tags = ledger.or_tags();
  std::vector<std::vector<uint8_t>> seen(tags.size());
  for (size_t writer = 0; writer < tags.size(); ++writer) seen[writer].resize(tags[writer].size());
  for (const TagSighting& sighting : sightings.tags) {
    const OrTag* const tag =
        ledger.FindTag(sighting.writer, {sighting.millis, int64_t{sighting.counter}});
    if (tag == nullptr) continue;
    const auto index = static_cast<size_t>(tag - tags[sighting.writer].data());
    seen[sighting.writer][index] |= sighting.removed ? kSeenRemoved : kSeenAdded;
  }
  return seen;
}

Finding JudgeState(const OrTag& tag, uint8_t seen) {
  const bool live = (seen & kSeenAdded) != 0;
  if ((tag.state & OrTag::kRemoveAcked) != 0) return live ? Finding::kResurrected : Finding::kNone;
  const bool must_live =
      (tag.state & OrTag::kAddAcked) != 0 && (tag.state & OrTag::kRemoveSent) == 0;
  return must_live && !live ? Finding::kMissing : Finding::kNone;
}

Finding JudgeEvents(const OrTag& tag, uint8_t seen) {
  const bool add_missing = (tag.state & OrTag::kAddAcked) != 0 && seen == 0;
  const bool remove_missing = (tag.state & OrTag::kRemoveAcked) != 0 && (seen & kSeenRemoved) == 0;
  return add_missing || remove_missing ? Finding::kMissing : Finding::kNone;
}

}  // namespace

void CompareLwwMap(const Ledger& ledger, uint32_t map, const LwwRows& rows, VerifyReport* report) {
  std::unordered_multimap<uint64_t, LwwWrite> uncertain;
  for (const LwwUncertain& write : ledger.UncertainOf(map)) {
    uncertain.emplace(write.key, write.write);
  }

  for (uint64_t key = 0; key < ledger.keys().keys(); ++key) {
    const LwwWrite* const newest = ledger.NewestAcked(map, key);
    if (newest == nullptr) continue;
    ++report->keys_checked;
    if (Shows(rows, key, *newest, ledger.run())) continue;
    const auto [begin, end] = uncertain.equal_range(key);
    const bool excused = std::any_of(begin, end, [&](const auto& entry) {
      return ledger.IsNewer(entry.second, *newest) && Shows(rows, key, entry.second, ledger.run());
    });
    if (!excused) Note(Judge(rows, key, *newest), Describe(ledger, map, key, *newest), report);
  }
}

void CompareLiveRows(const Ledger& ledger, const LiveRows& rows, VerifyReport* report) {
  const uint64_t keys_checked = report->keys_checked;
  for (uint32_t map = 0; map < rows.size(); ++map) CompareLwwMap(ledger, map, rows[map], report);
  report->live_rows_checked += report->keys_checked - keys_checked;
  report->keys_checked = keys_checked;
}

void CompareOrMaps(const Ledger& ledger, const Sightings& sightings, SightingKind kind,
                   VerifyReport* report) {
  const auto seen = MarkSeen(ledger, sightings);
  for (uint32_t writer = 0; writer < seen.size(); ++writer) {
    const std::vector<OrTag>& tags = ledger.or_tags()[writer];
    for (size_t i = 0; i < tags.size(); ++i) {
      if ((tags[i].state & (OrTag::kAddAcked | OrTag::kRemoveAcked)) == 0) continue;
      ++report->tags_checked;
      const Finding finding = kind == SightingKind::kState ? JudgeState(tags[i], seen[writer][i])
                                                           : JudgeEvents(tags[i], seen[writer][i]);
      if (finding == Finding::kNone) continue;
      Note(finding,
           ledger.keys().maps()[tags[i].map].name + " tag " + std::to_string(tags[i].millis) + ":" +
               std::to_string(tags[i].counter) + ":" + NodeId(ledger.run(), writer),
           report);
    }
  }
}

}  // namespace topgun::loadgen
