#include "msgpack/equal.h"

#include <algorithm>
#include <vector>

#include "msgpack/reader.h"

namespace topgun::msgpack {
namespace {

// Skipping so many bytes costs about as much as looking at one element.
constexpr size_t kBytesPerStep = 256;

struct Entry {
  std::string_view key;  // encoded
  std::string_view value;

  friend bool operator<(const Entry& a, const Entry& b) { return a.key < b.key; }
};

bool IsNumber(Type type) { return type == Type::kInt || type == Type::kFloat; }

bool EqualNumbers(Reader& a, Reader& b) {
  double left = 0;
  double right = 0;
  return a.ReadNumber(&left) && b.ReadNumber(&right) && left == right;
}

bool ReadElement(Reader& reader, std::string_view* raw, uint32_t& steps) {
  if (steps == 0 || !reader.ReadRaw(raw)) return false;
  const size_t cost = 1 + raw->size() / kBytesPerStep;
  steps -= static_cast<uint32_t>(std::min<size_t>(cost, steps));
  return true;
}

bool EqualArrays(Reader& a, Reader& b, uint32_t& steps) {
  uint32_t count = 0;
  uint32_t other = 0;
  if (!a.ReadArrayHeader(&count) || !b.ReadArrayHeader(&other) || count != other) return false;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view left;
    std::string_view right;
    if (!ReadElement(a, &left, steps) || !ReadElement(b, &right, steps)) return false;
    if (!EqualValues(left, right, steps)) return false;
  }
  return true;
}

// Sorted, so that large maps of a hostile client cost little. Fewer when the steps are used up.
std::vector<Entry> EntriesOf(Reader& reader, uint32_t count, uint32_t& steps) {
  std::vector<Entry> entries;
  entries.reserve(count);
  for (Entry entry; entries.size() < count; entries.push_back(entry)) {
    if (!reader.ReadRaw(&entry.key) || !ReadElement(reader, &entry.value, steps)) break;
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool EqualMaps(Reader& a, Reader& b, uint32_t& steps) {
  uint32_t count = 0;
  uint32_t other = 0;
  if (!a.ReadMapHeader(&count) || !b.ReadMapHeader(&other) || count != other) return false;
  const std::vector<Entry> left = EntriesOf(a, count, steps);
  const std::vector<Entry> right = EntriesOf(b, count, steps);
  if (left.size() != count || right.size() != count) return false;
  return std::equal(left.begin(), left.end(), right.begin(), [&](const Entry& x, const Entry& y) {
    return x.key == y.key && EqualValues(x.value, y.value, steps);
  });
}

}  // namespace

bool EqualValues(std::string_view a, std::string_view b, uint32_t& steps) {
  Reader left(a);
  Reader right(b);
  const Type type = left.Peek();
  const Type other = right.Peek();
  if (IsNumber(type) && IsNumber(other)) return EqualNumbers(left, right);
  if (type != other) return false;
  switch (type) {
    case Type::kNil:
      return true;
    case Type::kBool:
      return a == b;
    case Type::kStr: {
      std::string_view x;
      std::string_view y;
      return left.ReadStr(&x) && right.ReadStr(&y) && x == y;
    }
    case Type::kBin: {
      std::string_view x;
      std::string_view y;
      return left.ReadBin(&x) && right.ReadBin(&y) && x == y;
    }
    case Type::kArray:
      return EqualArrays(left, right, steps);
    case Type::kMap:
      return EqualMaps(left, right, steps);
    default:
      return false;
  }
}

}  // namespace topgun::msgpack
