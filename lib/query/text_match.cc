#include "text_match.h"

#include <cstring>

#include "case_fold.h"
#include "condition_value.h"
#include "crdt/utf16.h"

namespace topgun::query {
namespace {

constexpr uint32_t kTurnsPerStep = 16;

// Matches from the left, and on a mismatch lets the last % take one character more. No earlier one
// has to: what follows it was found as far left as possible.
class LikeMatcher {
 public:
  LikeMatcher(std::string_view text, std::string_view pattern) : text_(text), pattern_(pattern) {}

  bool Matches(ConditionContext& context) {
    for (uint32_t turn = 1; !text_.empty(); ++turn) {
      if (turn % kTurnsPerStep == 0) context.Spend(1);
      if (context.exhausted()) return false;
      if (!pattern_.empty() && pattern_.front() == '%') {
        pattern_.remove_prefix(1);
        started_ = true;
        pattern_behind_ = pattern_;
        text_behind_ = text_;
      } else if (!TakeOne() && !Restart()) {
        return false;
      }
    }
    return pattern_.find_first_not_of('%') == std::string_view::npos;
  }

 private:
  bool TakeOne() {
    if (pattern_.empty()) return false;
    uint32_t wanted = 0;
    uint32_t found = 0;
    const size_t pattern_size = crdt::DecodeCharacter(pattern_, &wanted);
    const size_t text_size = crdt::DecodeCharacter(text_, &found);
    const bool fits = wanted == '_' ? found != '\n' : FoldCase(wanted) == FoldCase(found);
    if (!fits) return false;
    pattern_.remove_prefix(pattern_size);
    text_.remove_prefix(text_size);
    return true;
  }

  bool Restart() {
    if (!started_ || text_behind_.front() == '\n') return false;
    uint32_t skipped = 0;
    text_behind_.remove_prefix(crdt::DecodeCharacter(text_behind_, &skipped));
    text_ = text_behind_;
    pattern_ = pattern_behind_;
    return true;
  }

  std::string_view text_;
  std::string_view pattern_;
  bool started_ = false;  // behind a %
  std::string_view text_behind_;
  std::string_view pattern_behind_;
};

}  // namespace

bool HasPart(std::string_view text, std::string_view part, ConditionContext& context) {
  if (part.size() > text.size()) return false;
  context.Spend(text.size() / kBytesPerStep);
  return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

bool IsLike(std::string_view text, std::string_view pattern, ConditionContext& context) {
  return LikeMatcher(text, pattern).Matches(context);
}

}  // namespace topgun::query
