// What a client searches for (features.md 7.2), understood. Immutable after Parse(); any thread.
//
//   group   := and-chain { [ OR ] and-chain }       alternatives
//   chain   := clause { AND clause }                all of them
//   clause  := [ + | - | NOT ] ( word | "phrase" | ( group ) ) [ ^boost ]
//
// A clause with + must match, one with - or NOT must not. A record matches a group when everything
// required does and nothing excluded; of the alternatives at least one, unless something is
// required. A group that only excludes matches nothing. A word or phrase of several tokens matches
// where they follow each other; one without any is left out.
//
// Text that does not parse matches nothing, as does one that names a field (`field:word`): there is
// one field. Everything else between words separates them, as it does in records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::search {

class SearchQuery {
 public:
  static constexpr size_t kBytesMax = 4'096;
  static constexpr size_t kTokensMax = 256;
  static constexpr uint32_t kDepthMax = 32;  // of parentheses

  // INVALID_ARGUMENT: beyond a limit.
  static StatusOr<SearchQuery> Parse(std::string_view text);

  enum class Occur : uint8_t { kOptional, kRequired, kExcluded };

  // Tokens that follow each other: where each stands, counted from the first one.
  struct PhraseToken {
    uint32_t term = 0;
    uint32_t offset = 0;
  };
  struct Clause {
    Occur occur = Occur::kOptional;
    size_t node = 0;
  };
  // A phrase, of one token mostly, or a group.
  struct Node {
    double boost = 1;
    std::vector<PhraseToken> phrase;
    std::vector<Clause> clauses;
  };

  bool matches_nothing() const { return nodes_.empty(); }
  // Distinct; phrases and statistics name them by number.
  const std::vector<std::string>& terms() const { return terms_; }
  // Children come before their parents; the root is the last one.
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  friend class QueryParser;

  std::vector<std::string> terms_;
  std::vector<Node> nodes_;
};

}  // namespace topgun::search
