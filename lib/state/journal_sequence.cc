#include "state/journal_sequence.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "state/feed_entry.h"

namespace topgun::state {
namespace {

// Digits of the parts below the commit time.
constexpr size_t kShardDigits = 3;
constexpr size_t kNDigits = 16;  // n stays below 2^53
constexpr size_t kIndexDigits = 5;

constexpr std::string_view kReservedPrefix = "_topgun_";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendPadded(std::string& out, uint64_t value, size_t digits) {
  const std::string text = std::to_string(value);
  out.append(digits - std::min(digits, text.size()), '0').append(text);
}

// Cuts the last digits off.
uint64_t TakeBack(std::string_view& text, size_t digits) {
  const size_t begin = text.size() - std::min(text.size(), digits);
  uint64_t value = 0;
  std::from_chars(text.data() + begin, text.data() + text.size(), value);
  text.remove_suffix(text.size() - begin);
  return value;
}

}  // namespace

JournalSequence SequenceOf(const CellView& cell, uint32_t shard, uint32_t index) {
  return {.commit_ms = static_cast<uint64_t>(std::max<int64_t>(0, cell.commit_ms)),
          .shard = shard,
          .n = cell.version.n,
          .index = index};
}

JournalSequence After(JournalSequence sequence) {
  ++sequence.index;
  return sequence;
}

std::string SequenceText(const JournalSequence& sequence) {
  std::string text;
  if (sequence.commit_ms > 0) text = std::to_string(sequence.commit_ms);
  AppendPadded(text, sequence.shard, kShardDigits);
  AppendPadded(text, sequence.n, kNDigits);
  AppendPadded(text, sequence.index, kIndexDigits);
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  return text;
}

JournalSequence ParseJournalSequence(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), IsDigit)) return {};
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  JournalSequence sequence;
  sequence.index = static_cast<uint32_t>(TakeBack(text, kIndexDigits));
  sequence.n = TakeBack(text, kNDigits);
  sequence.shard = static_cast<uint32_t>(TakeBack(text, kShardDigits));
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), sequence.commit_ms);
  // Behind everything.
  if (error == std::errc::result_out_of_range) {
    sequence.commit_ms = std::numeric_limits<uint64_t>::max();
  }
  return sequence;
}

bool InJournal(CellKind kind, uint8_t change_flags, std::string_view map) {
  return kind != CellKind::kCounter && (change_flags & kChangePruned) == 0 &&
         !map.starts_with(kReservedPrefix);
}

}  // namespace topgun::state
