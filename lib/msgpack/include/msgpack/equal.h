// When two values mean the same (features.md 1.4). Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace topgun::msgpack {

// Whether two well-formed values are equal, whatever they are encoded in: numbers by value, arrays
// and maps by structure whatever the order of entries, kinds never mixed, extensions never.
//
// Looking at an element costs a step, and large ones more, as values of strangers may be large and
// deep; false when `steps` are used up, which are 0 then.
bool EqualValues(std::string_view a, std::string_view b, uint32_t& steps);

}  // namespace topgun::msgpack
