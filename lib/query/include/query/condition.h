// A condition, compiled (features.md 1.4, 10.2; core.md 10): a small tree of comparisons over a
// record (`data`) and, in policies, the caller (`auth`).
//
// Values are compared without coercion:
//   - a missing field is null; null equals the literal null and nothing else, not even another
//     missing field, so `auth.id == data.ownerId` is false when nobody is named on either side
//   - numbers compare as 64-bit floats, strings by their bytes, arrays element by element, maps
//     field by field; order exists among numbers and among strings only
//   - != is the opposite of ==; every other operator is false for operands that it is not made for
//   - `a in b`: b is an array that contains a (or, b being none, a is one that contains b);
//     `a contains b`: an array with such an element, or a string with such a part
//   - containsAll, containsAny: b is an array, or stands for an array of one
// The variants of queries look for parts of strings whatever their case.
//
// Of a field that a map has twice the last counts, as for those who read the record. Immutable
// after building; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace re2 {
class RE2;
}

namespace topgun::query {

enum class ConditionOp : uint8_t {
  kAnd,  // true without children
  kOr,   // false without children
  kNot,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kBetween,  // an array of two, both included
  kIn,
  kContains,
  kContainsAll,
  kContainsAny,
  kQueryContains,     // of a string the part, whatever the case
  kQueryContainsAll,  // likewise, for an array of parts
  kQueryContainsAny,
  kStartsWith,
  kEndsWith,
  kLike,
  kRegex,    // ConditionBuilder::Search() only
  kInTexts,  // kIn of many literal texts; ConditionBuilder chooses it
  kFound,    // that the left operand is there, be it nil
};

// Names that rows have besides their fields (features.md 1.2).
inline constexpr std::string_view kKeyName = "_key";
inline constexpr std::string_view kValueName = "_value";

struct ConditionOperand {
  enum class Source : uint8_t {
    kLiteral,
    kAuth,  // the caller as such: null, or equal to nothing
    kAuthId,
    kAuthRoles,
    kData,
    kRow,  // as kData, but `_key` is the key, and `_value` a value that is no map
  };

  Source source = Source::kLiteral;
  std::string literal;            // MessagePack
  std::vector<std::string> path;  // kData: empty for the value itself
};

// Who asks; borrowed.
struct Caller {
  std::string_view user_id;  // empty: nobody, without roles
  const std::vector<std::string>* roles = nullptr;
};

// What a condition is asked about; for one decision. Reading large values costs steps, so that no
// client can keep a loop busy: once they are used up, results mean nothing and access is denied.
struct ConditionContext {
  static constexpr uint32_t kStepsMax = 1'000'000;

  Caller caller = {};
  std::string_view key = {};   // of the row
  std::string_view data = {};  // MessagePack; empty: null
  uint32_t steps = kStepsMax;

  bool exhausted() const { return steps == 0; }
  void Spend(size_t count) { steps -= static_cast<uint32_t>(count < steps ? count : steps); }
};

class Condition {
 public:
  bool Holds(ConditionContext& context) const { return Holds(root_, context); }

 private:
  friend class ConditionBuilder;

  using TextSet = absl::flat_hash_set<std::string>;

  struct Node {
    ConditionOp op = ConditionOp::kAnd;
    // kAnd, kOr, kNot: a range of children_; kRegex and kInTexts: an operand and one of regexes_ or
    // text_sets_; else two operands.
    uint32_t first = 0;
    uint32_t second = 0;
  };

  bool Holds(uint32_t node, ConditionContext& context) const;
  std::span<const uint32_t> ChildrenOf(const Node& node) const;
  bool Searches(const Node& node, ConditionContext& context) const;
  bool IsListed(const Node& node, ConditionContext& context) const;
  bool Compares(const Node& node, ConditionContext& context) const;

  std::vector<Node> nodes_;
  std::vector<uint32_t> children_;
  std::vector<ConditionOperand> operands_;
  std::vector<std::shared_ptr<const re2::RE2>> regexes_;
  std::vector<std::shared_ptr<const TextSet>> text_sets_;
  uint32_t root_ = 0;
};

// Makes a condition from its leaves up; nodes are named by what the calls return.
class ConditionBuilder {
 public:
  uint32_t Compare(ConditionOp op, ConditionOperand left, ConditionOperand right);
  // Whether the operand is a string in which the expression is found.
  uint32_t Search(ConditionOperand text, std::shared_ptr<const re2::RE2> regex);
  uint32_t Group(ConditionOp op, std::span<const uint32_t> children);
  Condition Build(uint32_t root);

 private:
  uint32_t Add(Condition::Node node);
  uint32_t AddOperand(ConditionOperand operand);

  Condition condition_;
};

}  // namespace topgun::query
