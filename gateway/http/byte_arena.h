// Keeps copies of many small byte strings in few pieces of memory; their views stay valid as long
// as the arena lives. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace topgun::gateway {

class ByteArena {
 public:
  std::string_view Keep(std::string_view bytes) {
    if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < bytes.size()) {
      chunks_.emplace_back().reserve(std::max(kChunkBytes, bytes.size()));
    }
    std::string& chunk = chunks_.back();  // never grows beyond what it has reserved
    const size_t at = chunk.size();
    chunk.append(bytes);
    return std::string_view(chunk).substr(at);
  }

 private:
  static constexpr size_t kChunkBytes = size_t{64} << 10;

  std::deque<std::string> chunks_;
};

}  // namespace topgun::gateway
