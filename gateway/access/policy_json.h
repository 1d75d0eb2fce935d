// Policies as JSON, for the administration endpoints (core.md 9.2). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "access/policy.h"

namespace topgun::gateway {

inline constexpr size_t kPolicyBodyBytesMax = size_t{64} << 10;

// The body of POST /api/admin/policies. Nothing when it is a policy.
std::optional<FieldProblem> ParsePolicyJson(std::string_view body, Policy& out);

// {"id":..,"mapPattern":..,"action":..,"effect":..,"condition"?:..,"conditionExpr"?:..}
std::string EncodePolicyJson(const Policy& policy);

// {"policies":[..],"unreadable"?:[id..]}: rows that a later version has written deny everything
// and can only be deleted.
std::string EncodePolicyListJson(std::span<const Policy> policies,
                                 std::span<const std::string> unreadable);

}  // namespace topgun::gateway
