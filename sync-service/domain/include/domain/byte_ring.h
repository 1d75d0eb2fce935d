// The last bytes of a stream, in memory that is allocated once: a ring of blocks.
//
// Blocks come when bytes reach them for the first time and stay, so that what streams through
// neither allocates nor leaves holes in the heap. Bytes have addresses, which count from the first
// one ever appended. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace topgun::sync {

class ByteRing {
 public:
  // At most `bytes_max` are ever held, blocks included; nothing is allocated yet.
  explicit ByteRing(uint64_t bytes_max);

  // How many bytes fit in.
  uint64_t capacity() const { return block_bytes_ * blocks_.size(); }
  // The bytes that are there: [begin(), end()).
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  uint64_t size() const { return end_ - begin_; }
  // Memory taken so far.
  uint64_t held_bytes() const { return held_bytes_; }

  // Needs room: size() + bytes.size() <= capacity().
  void Append(std::string_view bytes);
  // Copies `count` bytes that are there.
  void Read(uint64_t address, size_t count, char* out) const;
  // Forgets the bytes before `address`, which is in [begin(), end()].
  void DropBefore(uint64_t address) { begin_ = address; }

 private:
  uint64_t block_bytes_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;  // null: not reached yet
  uint64_t held_bytes_ = 0;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
};

}  // namespace topgun::sync
