// The operators of conditions that look into arrays and texts (query/condition.h says what each
// means). Pure; any thread.
#pragma once

#include "condition_value.h"

namespace topgun::query {

bool BothStrings(const ConditionValue& left, const ConditionValue& right);

bool In(const ConditionValue& left, const ConditionValue& right, ConditionContext& context);
bool Contains(const ConditionValue& left, const ConditionValue& right, ConditionContext& context);
bool ContainsAll(const ConditionValue& left, const ConditionValue& right,
                 ConditionContext& context);
bool ContainsAny(const ConditionValue& left, const ConditionValue& right,
                 ConditionContext& context);

// As queries have them: parts of a text are found whatever their case.
bool QueryContains(const ConditionValue& left, const ConditionValue& right,
                   ConditionContext& context);
bool QueryContainsAll(const ConditionValue& left, const ConditionValue& right,
                      ConditionContext& context);
bool QueryContainsAny(const ConditionValue& left, const ConditionValue& right,
                      ConditionContext& context);

}  // namespace topgun::query
