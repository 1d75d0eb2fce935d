// Where the integers that MessagePack knows end, as doubles. Private to this folder.
#pragma once

namespace topgun::msgpack {

inline constexpr double kTwoPow63 = 9223372036854775808.0;
inline constexpr double kTwoPow64 = 18446744073709551616.0;

}  // namespace topgun::msgpack
