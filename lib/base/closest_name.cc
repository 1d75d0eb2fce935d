#include "base/closest_name.h"

#include <algorithm>
#include <numeric>

namespace topgun {
namespace {

// Levenshtein's.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string ClosestName(std::string_view given, const std::vector<std::string>& names,
                        size_t edits_max) {
  std::string closest;
  size_t least = std::min(std::max<size_t>(2, given.size() / 2), edits_max);
  for (const std::string& name : names) {
    const size_t distance = EditDistance(given, name);
    if (distance > least || (distance == least && !closest.empty())) continue;
    least = distance;
    closest = name;
  }
  return closest;
}

}  // namespace topgun
