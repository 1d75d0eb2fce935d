// Numbers names in the order in which they come, for the dictionaries of batches: few names, the
// same ones again and again. Borrows the names. Value; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace topgun {

class NameIndex {
 public:
  size_t size() const { return names_.size(); }

  // The number of a name that is known.
  std::optional<uint32_t> Find(std::string_view name) {
    if (last_ < names_.size() && names_[last_] == name) return last_;
    return Search(name);
  }
  // A name that is not; it must stay where it is. Its number is the size before.
  void Add(std::string_view name);
  void Clear();

 private:
  // Up to here comparing costs less than hashing.
  static constexpr size_t kScannedMax = 16;

  std::optional<uint32_t> Search(std::string_view name);

  std::vector<std::string_view> names_;
  uint32_t last_ = 0;                                       // was asked for last
  std::unordered_map<std::string_view, uint32_t> numbers_;  // of all, once there are many
};

}  // namespace topgun
