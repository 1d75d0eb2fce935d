#include "http/equality_filter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "msgpack/reader.h"

namespace topgun::gateway {
namespace {

using msgpack::Reader;
using msgpack::Type;

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

bool EqualArrays(Reader& a, Reader& b) {
  uint32_t count = 0;
  uint32_t other = 0;
  if (!a.ReadArrayHeader(&count) || !b.ReadArrayHeader(&other) || count != other) return false;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view left;
    std::string_view right;
    if (!a.ReadRaw(&left) || !b.ReadRaw(&right) || !EqualValues(left, right)) return false;
  }
  return true;
}

// Sorted, so that large maps of a hostile client cost little.
std::vector<Entry> EntriesOf(Reader& reader, uint32_t count) {
  std::vector<Entry> entries(count);
  for (Entry& entry : entries) {
    if (!reader.ReadRaw(&entry.key) || !reader.ReadRaw(&entry.value)) break;
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool EqualMaps(Reader& a, Reader& b) {
  uint32_t count = 0;
  uint32_t other = 0;
  if (!a.ReadMapHeader(&count) || !b.ReadMapHeader(&other) || count != other) return false;
  const std::vector<Entry> left = EntriesOf(a, count);
  const std::vector<Entry> right = EntriesOf(b, count);
  return std::equal(left.begin(), left.end(), right.begin(), [](const Entry& x, const Entry& y) {
    return x.key == y.key && EqualValues(x.value, y.value);
  });
}

// The last field of that name.
std::optional<std::string_view> FieldOf(std::string_view map, std::string_view name) {
  Reader reader(map);
  uint32_t count = 0;
  if (reader.Peek() != Type::kMap || !reader.ReadMapHeader(&count)) return std::nullopt;
  std::optional<std::string_view> found;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    std::string_view key;
    std::string_view value;
    const bool is_text = reader.Peek() == Type::kStr;
    if (is_text ? !reader.ReadStr(&key) : !reader.Skip()) break;
    if (!reader.ReadRaw(&value)) break;
    if (is_text && key == name) found = value;
  }
  return found;
}

std::optional<std::string_view> Resolve(std::string_view map, std::string_view name) {
  if (const auto field = FieldOf(map, name)) return field;
  std::optional<std::string_view> at = map;
  for (size_t begin = 0; at && begin <= name.size();) {
    const size_t dot = std::min(name.find('.', begin), name.size());
    at = FieldOf(*at, name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return at;
}

}  // namespace

bool EqualValues(std::string_view a, std::string_view b) {
  Reader left(a);
  Reader right(b);
  const Type type = left.Peek();
  const Type other = right.Peek();
  if (IsNumber(type) && IsNumber(other)) return EqualNumbers(left, right);
  if (type != other) return false;
  switch (type) {
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
      return EqualArrays(left, right);
    case Type::kMap:
      return EqualMaps(left, right);
    default:
      return false;
  }
}

StatusOr<EqualityFilter> EqualityFilter::Parse(std::string_view filter) {
  EqualityFilter parsed;
  Reader reader(filter);
  uint32_t count = 0;
  if (reader.Peek() != Type::kMap || !reader.ReadMapHeader(&count)) return parsed;
  if (count > kFieldsMax) {
    return InvalidArgument("filter: more than " + std::to_string(kFieldsMax) + " fields");
  }
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view value;
    if (reader.Peek() != Type::kStr || !reader.ReadStr(&name) || !reader.ReadRaw(&value)) {
      return InvalidArgument("filter: names of fields must be texts");
    }
    parsed.fields_.push_back({std::string(name), std::string(value)});
  }
  return parsed;
}

bool EqualityFilter::Matches(std::string_view value) const {
  return std::all_of(fields_.begin(), fields_.end(), [value](const Field& field) {
    const auto found = Resolve(value, field.name);
    return found && EqualValues(*found, field.value);
  });
}

}  // namespace topgun::gateway
