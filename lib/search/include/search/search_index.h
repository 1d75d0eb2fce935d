// The words of a map's records, inverted: which records have a word, how often, and where.
//
// Grows and shrinks record by record; what it counts is always exact. A record without words is no
// document. Searching is in search.h. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "base/status.h"
#include "search/bm25.h"
#include "search/search_query.h"

namespace topgun::search {

class SearchIndex {
 public:
  // Text of one record beyond this is not looked at: a record must not hold its thread up.
  static constexpr size_t kTextBytesMax = size_t{1} << 20;

  SearchIndex() = default;
  SearchIndex(const SearchIndex&) = delete;
  SearchIndex& operator=(const SearchIndex&) = delete;

  // The record of the key is this MessagePack value from now on.
  void Put(std::string_view key, std::string_view value);
  void Remove(std::string_view key);

  size_t size() const { return by_key_.size(); }  // documents
  uint64_t bytes() const { return bytes_; }       // about what it takes
  Statistics StatisticsFor(const SearchQuery& query) const;

  // For scorers. A document has the same slot as long as it is one; slots are used again.
  using Postings = absl::btree_map<uint32_t, uint32_t>;  // how often, by slot
  const Postings* Find(std::string_view term) const;     // null: no document has it
  std::optional<uint32_t> SlotOf(std::string_view key) const;
  uint32_t slot_end() const { return static_cast<uint32_t>(documents_.size()); }
  std::string_view KeyOf(uint32_t slot) const { return documents_[slot].key; }
  uint32_t LengthOf(uint32_t slot) const { return documents_[slot].length; }
  // The terms of the document in their order, as varints: kGap where a run was no token, else a
  // number of NumberOf().
  std::string_view SequenceOf(uint32_t slot) const { return documents_[slot].sequence; }
  static constexpr uint32_t kGap = 0;
  uint32_t NumberOf(std::string_view term) const;  // kGap: unknown

 private:
  struct TextHash {
    size_t operator()(std::string_view text) const {
      return absl::Hash<absl::string_view>{}(ToAbsl(text));
    }
  };
  using Numbers = absl::flat_hash_map<std::string_view, uint32_t, TextHash>;

  struct Document {
    std::string key;
    std::string sequence;
    uint32_t length = 0;  // tokens
  };
  struct Term {
    std::string text;
    Postings postings;
  };
  struct Count {
    uint32_t term = 0;
    uint32_t times = 0;
  };

  // Fills scratch_ with the value's terms; how many are no gaps.
  uint32_t ReadTerms(std::string_view value);
  uint32_t NumberFor(std::string_view term);
  std::vector<Count> CountsOf(std::vector<uint32_t> sequence) const;
  static std::vector<uint32_t> Decode(std::string_view sequence);
  uint32_t SlotFor(std::string_view key);
  void Index(uint32_t slot, const std::vector<Count>& counts);
  void Unindex(uint32_t slot, const std::vector<Count>& counts);

  std::deque<Document> documents_;  // by slot; deques do not move what keys point to
  std::vector<uint32_t> free_slots_;
  Numbers by_key_;
  std::deque<Term> terms_;  // by number less one
  std::vector<uint32_t> free_terms_;
  Numbers by_term_;
  uint64_t tokens_ = 0;
  uint64_t bytes_ = 0;
  std::vector<uint32_t> scratch_;
};

}  // namespace topgun::search
