// What the endpoints share: parameters of a query and the usual answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "admin/admin_server.h"
#include "base/status.h"

namespace topgun::debug {

// The undecoded value of `name` in a=1&b=2.
std::optional<std::string_view> QueryValue(std::string_view query, std::string_view name);

// A number of seconds from 1 to `max`; `fallback` when it is not given.
StatusOr<int> SecondsOf(std::string_view query, int max, int fallback);

// 400 for what the caller got wrong, 409 for what goes on already, 503 for the rest.
admin::Response ErrorResponse(const Status& status);

}  // namespace topgun::debug
