#include "search/tokens.h"

#include "unicode.h"

namespace topgun::search {
namespace {

std::string_view Strip(std::string_view word) {
  size_t first = word.size();
  size_t end = 0;
  for (size_t at = 0; at < word.size();) {
    const CodePoint next = CodePointAt(word, at);
    if (IsAlphanumeric(next.value)) {
      if (end == 0) first = at;
      end = at + next.size;
    }
    at += next.size;
  }
  return end == 0 ? std::string_view() : word.substr(first, end - first);
}

std::string Lower(std::string_view word) {
  std::string lower;
  for (size_t at = 0; at < word.size();) {
    const CodePoint next = CodePointAt(word, at);
    if (next.value >= 0) {
      AppendLower(next.value, lower);
    } else {
      lower.push_back(word[at]);
    }
    at += next.size;
  }
  return lower;
}

}  // namespace

bool Tokenizer::Next() {
  token_.clear();
  size_t bytes = 0;
  while (at_ < text_.size()) {
    const CodePoint next = CodePointAt(text_, at_);
    const bool inside = IsAlphanumeric(next.value);
    if (!inside && bytes > 0) break;
    at_ += next.size;
    if (!inside) continue;
    bytes += next.size;
    if (bytes < kRunBytesMax) AppendLower(next.value, token_);
  }
  if (bytes >= kRunBytesMax) token_.clear();
  return bytes > 0;
}

std::vector<std::string> MatchedTerms(std::string_view query) {
  std::vector<std::string> terms;
  for (size_t begin = 0, at = 0; begin < query.size();) {
    const CodePoint next = at < query.size() ? CodePointAt(query, at) : CodePoint{.value = ' '};
    if (IsSpace(next.value)) {
      const std::string_view word = Strip(query.substr(begin, at - begin));
      if (!word.empty()) terms.push_back(Lower(word));
      begin = at + next.size;
    }
    at += next.size;
  }
  return terms;
}

}  // namespace topgun::search
