// Parameters of a URL's query. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::gateway {

// The decoded value of `name` in a=1&b=2; nothing when it is not there or not decodable.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

// Decimal digits and nothing else.
std::optional<uint64_t> WholeNumber(std::string_view text);

}  // namespace topgun::gateway
