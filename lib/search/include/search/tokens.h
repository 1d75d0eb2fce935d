// Words of a text (features.md 7.2): maximal runs of letters and numbers in the sense of Unicode,
// lower-cased character by character. No stemming, no stop words. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::search {

// A run of so many bytes or more is no token; it only separates.
inline constexpr size_t kRunBytesMax = 40;

// Goes through the runs of a borrowed text. Value; not thread-safe.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  bool Next();  // false at the end
  // Of the run at hand; empty when it is too long. Valid until the next call.
  std::string_view token() const { return token_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  std::string token_;
};

// What hits of a query say as `matchedTerms`: the text split at white space, stripped of what is
// neither letter nor number at both ends, lower-cased.
std::vector<std::string> MatchedTerms(std::string_view query);

}  // namespace topgun::search
