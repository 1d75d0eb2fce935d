#include "search/search_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "search/document_text.h"
#include "search/tokens.h"

namespace topgun::search {
namespace {

// What containers and the allocator add, roughly.
constexpr uint64_t kDocumentOverhead = 120;
constexpr uint64_t kTermOverhead = 160;
constexpr uint64_t kPostingBytes = 12;

}  // namespace

void SearchIndex::Put(std::string_view key, std::string_view value) {
  const uint32_t length = ReadTerms(value);
  if (length == 0) return Remove(key);
  std::string sequence;
  for (const uint32_t number : scratch_) AppendVarint(sequence, number);
  const uint32_t slot = SlotFor(key);
  Document& document = documents_[slot];
  if (document.sequence == sequence) return;  // of which nothing changed that is text

  const std::vector<Count> before = CountsOf(Decode(document.sequence));
  const std::vector<Count> after = CountsOf(scratch_);
  bytes_ += sequence.size() - document.sequence.size();
  tokens_ += uint64_t{length} - document.length;
  document.sequence = std::move(sequence);
  document.length = length;
  // In this order: a term of both is not forgotten in between.
  Index(slot, after);
  std::vector<Count> gone;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(gone),
                      [](const Count& a, const Count& b) { return a.term < b.term; });
  Unindex(slot, gone);
}

void SearchIndex::Remove(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const uint32_t slot = found->second;
  Document& document = documents_[slot];
  Unindex(slot, CountsOf(Decode(document.sequence)));
  tokens_ -= document.length;
  bytes_ -= document.key.size() + document.sequence.size() + kDocumentOverhead;
  by_key_.erase(found);
  document = Document();
  free_slots_.push_back(slot);
}

uint32_t SearchIndex::ReadTerms(std::string_view value) {
  scratch_.clear();
  uint32_t length = 0;
  size_t bytes_left = kTextBytesMax;
  for (const std::string_view text : TextsOf(value)) {
    Tokenizer tokenizer(text.substr(0, bytes_left));
    while (tokenizer.Next()) {
      const bool gap = tokenizer.token().empty();
      scratch_.push_back(gap ? kGap : NumberFor(tokenizer.token()));
      if (!gap) ++length;
    }
    if (text.size() >= bytes_left) break;
    bytes_left -= text.size();
  }
  return length;
}

uint32_t SearchIndex::NumberFor(std::string_view term) {
  if (const auto found = by_term_.find(term); found != by_term_.end()) return found->second;
  if (free_terms_.empty()) {
    terms_.emplace_back();
    free_terms_.push_back(static_cast<uint32_t>(terms_.size()));
  }
  const uint32_t number = free_terms_.back();
  free_terms_.pop_back();
  Term& added = terms_[number - 1];
  added.text.assign(term);
  by_term_.emplace(added.text, number);
  bytes_ += term.size() + kTermOverhead;
  return number;
}

uint32_t SearchIndex::SlotFor(std::string_view key) {
  if (const std::optional<uint32_t> slot = SlotOf(key)) return *slot;
  if (free_slots_.empty()) {
    free_slots_.push_back(slot_end());
    documents_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  documents_[slot].key.assign(key);
  by_key_.emplace(documents_[slot].key, slot);
  bytes_ += key.size() + kDocumentOverhead;
  return slot;
}

std::vector<uint32_t> SearchIndex::Decode(std::string_view sequence) {
  std::vector<uint32_t> numbers;
  ByteCursor cursor(sequence);
  while (!cursor.AtEnd()) numbers.push_back(static_cast<uint32_t>(cursor.ReadVarint()));
  return numbers;
}

// Ascending by term.
std::vector<SearchIndex::Count> SearchIndex::CountsOf(std::vector<uint32_t> sequence) const {
  std::sort(sequence.begin(), sequence.end());
  std::vector<Count> counts;
  for (const uint32_t number : sequence) {
    if (number == kGap) continue;
    if (counts.empty() || counts.back().term != number) counts.push_back({.term = number});
    ++counts.back().times;
  }
  return counts;
}

void SearchIndex::Index(uint32_t slot, const std::vector<Count>& counts) {
  for (const Count& count : counts) {
    const bool added = terms_[count.term - 1].postings.insert_or_assign(slot, count.times).second;
    if (added) bytes_ += kPostingBytes;
  }
}

void SearchIndex::Unindex(uint32_t slot, const std::vector<Count>& counts) {
  for (const Count& count : counts) {
    Term& term = terms_[count.term - 1];
    term.postings.erase(slot);
    bytes_ -= kPostingBytes;
    if (!term.postings.empty()) continue;
    bytes_ -= term.text.size() + kTermOverhead;
    by_term_.erase(term.text);
    term = Term();
    free_terms_.push_back(count.term);
  }
}

Statistics SearchIndex::StatisticsFor(const SearchQuery& query) const {
  Statistics statistics{.documents = size(), .tokens = tokens_, .with_term = {}};
  for (const std::string& term : query.terms()) {
    const Postings* const postings = Find(term);
    statistics.with_term.push_back(postings == nullptr ? 0 : postings->size());
  }
  return statistics;
}

const SearchIndex::Postings* SearchIndex::Find(std::string_view term) const {
  const uint32_t number = NumberOf(term);
  return number == kGap ? nullptr : &terms_[number - 1].postings;
}

uint32_t SearchIndex::NumberOf(std::string_view term) const {
  const auto found = by_term_.find(term);
  return found == by_term_.end() ? kGap : found->second;
}

std::optional<uint32_t> SearchIndex::SlotOf(std::string_view key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

}  // namespace topgun::search
