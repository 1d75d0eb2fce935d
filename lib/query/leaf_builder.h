// Parts of conditions that predicates and `where` share (features.md 1.4, 1.5). Pure; one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "query/condition.h"

namespace topgun::query {

// Whether there is nothing, or nil.
bool IsNil(std::string_view raw);

ConditionOperand Literal(std::string_view raw);
ConditionOperand Null();
// A field of the row, by its dotted path.
ConditionOperand RowField(std::string_view path);

// That the operand is neither missing nor nil.
uint32_t Present(ConditionBuilder& builder, const ConditionOperand& operand);
// Holds for nothing.
uint32_t Never(ConditionBuilder& builder);
// The comparison with a literal that is not nil, as queries have it: != only of what is present.
uint32_t CompareField(ConditionBuilder& builder, ConditionOp op, const ConditionOperand& field,
                      const ConditionOperand& literal);

}  // namespace topgun::query
