// The maps and keys of a run, by number and by name.
//
// Maps are "<prefix>-lww-<n>" and "<prefix>-or-<n>"; in a mixed run every second one is an OR map.
// Keys are "key-" and ten digits. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::loadgen {

enum class MapType : uint8_t { kLww, kOr, kMixed };

class KeySpace {
 public:
  struct Map {
    std::string name;
    bool is_or = false;
  };

  static constexpr size_t kKeyBytes = 14;
  static constexpr uint64_t kKeysMax = 10'000'000'000;  // ten digits

  KeySpace(const std::string& prefix, MapType type, uint32_t maps, uint64_t keys);

  const std::vector<Map>& maps() const { return maps_; }
  uint64_t keys() const { return keys_; }  // per map; 0: unbounded

  bool HasLww() const;
  bool HasOr() const;
  std::optional<uint32_t> MapOf(std::string_view name) const;

  static void WriteKey(uint64_t key, char* out);  // kKeyBytes bytes
  static std::string KeyName(uint64_t key);
  static std::optional<uint64_t> KeyOf(std::string_view name);

 private:
  std::vector<Map> maps_;
  uint64_t keys_;
};

}  // namespace topgun::loadgen
