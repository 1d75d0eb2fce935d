#include "wire/batch.h"

#include <cstdint>

namespace topgun::wire {
namespace {

constexpr size_t kLengthBytes = 4;

}  // namespace

bool BatchWalker::Next(std::string_view* item) {
  if (rest_.size() < kLengthBytes) return false;
  size_t size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    size = (size << 8U) | static_cast<uint8_t>(rest_[i]);
  }
  if (rest_.size() - kLengthBytes < size) return false;
  *item = rest_.substr(kLengthBytes, size);
  rest_.remove_prefix(kLengthBytes + size);
  return true;
}

size_t CountBatchItems(std::string_view data) {
  BatchWalker walker(data);
  std::string_view ignored;
  size_t count = 0;
  while (walker.Next(&ignored)) ++count;
  return count;
}

void AppendBatchItem(std::string_view item, std::string& data) {
  const auto size = static_cast<uint32_t>(item.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U}) data.push_back(static_cast<char>(size >> shift));
  data.append(item);
}

}  // namespace topgun::wire
