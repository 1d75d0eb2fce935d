// A buffer that is filled and emptied over and over, and one of very many.
#pragma once

#include <cstddef>
#include <string>

namespace topgun::loadgen {

// Empties the buffer. Small room stays for the next time, large room if this time needed most of
// it; otherwise there is room for as much again, with an eighth to spare as frames differ. After a
// pause of the machine a connection has several frames on the way: sooner or later every one would
// have got the room for that, and keep it.
inline void EmptyForReuse(std::string& buffer) {
  constexpr size_t kKeptAlways = size_t{16} * 1024;
  const size_t used = buffer.size();
  buffer.clear();
  if (buffer.capacity() <= kKeptAlways || buffer.capacity() <= used + used / 2) return;
  buffer.shrink_to_fit();
  buffer.reserve(used + used / 8);
}

}  // namespace topgun::loadgen
