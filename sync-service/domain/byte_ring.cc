#include "domain/byte_ring.h"

#include <algorithm>
#include <cstring>

namespace topgun::sync {

namespace {

// Small beside what a shard may keep, large beside an entry; a size class of the allocator.
constexpr uint64_t kBlockBytesMax = uint64_t{64} << 10;

}  // namespace

ByteRing::ByteRing(uint64_t bytes_max) {
  const uint64_t blocks = (bytes_max + kBlockBytesMax - 1) / kBlockBytesMax;
  blocks_.resize(blocks);
  // Equal blocks: what does not divide by them is less than a byte of each.
  if (blocks > 0) block_bytes_ = bytes_max / blocks;
}

void ByteRing::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    std::unique_ptr<char[]>& block = blocks_[end_ / block_bytes_ % blocks_.size()];
    if (block == nullptr) {
      block = std::make_unique_for_overwrite<char[]>(block_bytes_);
      held_bytes_ += block_bytes_;
    }
    const uint64_t at = end_ % block_bytes_;
    const size_t count = std::min<uint64_t>(bytes.size(), block_bytes_ - at);
    std::memcpy(block.get() + at, bytes.data(), count);
    end_ += count;
    bytes.remove_prefix(count);
  }
}

void ByteRing::Read(uint64_t address, size_t count, char* out) const {
  while (count > 0) {
    const char* const block = blocks_[address / block_bytes_ % blocks_.size()].get();
    const uint64_t at = address % block_bytes_;
    const size_t part = std::min<uint64_t>(count, block_bytes_ - at);
    std::memcpy(out, block + at, part);
    address += part;
    out += part;
    count -= part;
  }
}

}  // namespace topgun::sync
