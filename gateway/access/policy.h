// A map policy (core.md 10, features.md 10.2): who may read or write which maps under which
// condition. Its fields are the same in the body of POST /api/admin/policies and in a row of the
// reserved map state::kPolicyMap, and are read by the same code.
//
//   id             text of 1 to 256 bytes, not starting with $; the key of its row
//   mapPattern     access/map_pattern.h
//   action         read, write, remove or all
//   effect         allow or deny
//   condition      query/predicate.h; optional, wins over the next
//   conditionExpr  access/condition_parser.h; optional
//
// Fields that are not known are refused: a mistyped condition must not become none. Values and pure
// functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "access/map_pattern.h"
#include "query/condition.h"

namespace topgun::gateway {

enum class PolicyAction : uint8_t { kRead, kWrite, kRemove, kAll };
enum class PolicyEffect : uint8_t { kAllow, kDeny };

std::string_view Name(PolicyAction action);
std::string_view Name(PolicyEffect effect);

struct Policy {
  std::string id;  // empty while nobody has chosen one
  std::string map_pattern;
  PolicyAction action = PolicyAction::kRead;
  PolicyEffect effect = PolicyEffect::kAllow;
  std::string condition;       // MessagePack; empty: none
  std::string condition_expr;  // empty: none

  friend bool operator==(const Policy&, const Policy&) = default;
};

// A policy ready to be applied.
struct CompiledPolicy {
  Policy policy;
  MapPattern pattern;
  std::optional<query::Condition> condition;
};

// What is wrong with which field; the field is empty when it is the whole.
struct FieldProblem {
  std::string field;
  std::string message;

  friend bool operator==(const FieldProblem&, const FieldProblem&) = default;
};

inline constexpr size_t kPolicyIdBytesMax = 256;

// `fields` is a MessagePack map. Nothing when it is a policy.
std::optional<FieldProblem> ReadPolicy(std::string_view fields, CompiledPolicy& out);

// The value of its row: all fields but the id.
std::string EncodePolicyRow(const Policy& policy);
// Nothing when the row is a policy.
std::optional<FieldProblem> ReadPolicyRow(std::string_view id, std::string_view value,
                                          CompiledPolicy& out);

}  // namespace topgun::gateway
