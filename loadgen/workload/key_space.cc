#include "workload/key_space.h"

#include <algorithm>
#include <charconv>

namespace topgun::loadgen {
namespace {

constexpr std::string_view kKeyPrefix = "key-";

}  // namespace

KeySpace::KeySpace(const std::string& prefix, MapType type, uint32_t maps, uint64_t keys)
    : keys_(keys) {
  for (uint32_t i = 0; i < maps; ++i) {
    const bool is_or = type == MapType::kOr || (type == MapType::kMixed && i % 2 == 1);
    maps_.push_back({prefix + (is_or ? "-or-" : "-lww-") + std::to_string(i), is_or});
  }
}

bool KeySpace::HasLww() const {
  return std::any_of(maps_.begin(), maps_.end(), [](const Map& map) { return !map.is_or; });
}

bool KeySpace::HasOr() const {
  return std::any_of(maps_.begin(), maps_.end(), [](const Map& map) { return map.is_or; });
}

std::optional<uint32_t> KeySpace::MapOf(std::string_view name) const {
  for (uint32_t i = 0; i < maps_.size(); ++i) {
    if (maps_[i].name == name) return i;
  }
  return std::nullopt;
}

void KeySpace::WriteKey(uint64_t key, char* out) {
  std::copy(kKeyPrefix.begin(), kKeyPrefix.end(), out);
  for (size_t i = kKeyBytes; i-- > kKeyPrefix.size(); key /= 10) {
    out[i] = static_cast<char>('0' + key % 10);
  }
}

std::string KeySpace::KeyName(uint64_t key) {
  std::string name(kKeyBytes, '\0');
  WriteKey(key, name.data());
  return name;
}

std::optional<uint64_t> KeySpace::KeyOf(std::string_view name) {
  if (name.size() != kKeyBytes || !name.starts_with(kKeyPrefix)) return std::nullopt;
  uint64_t key = 0;
  const char* const end = name.data() + name.size();
  const auto [parsed, error] = std::from_chars(name.data() + kKeyPrefix.size(), end, key);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return key;
}

}  // namespace topgun::loadgen
