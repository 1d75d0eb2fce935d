#include "options/suggest.h"

#include <algorithm>
#include <numeric>

namespace topgun::loadgen {
namespace {

// Insertions, deletions and replacements that make one text of the other (Levenshtein).
size_t EditDistance(const std::string& a, const std::string& b) {
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

std::string ClosestName(const std::string& given, const std::vector<std::string>& names) {
  std::string closest;
  size_t least = std::max<size_t>(2, given.size() / 2) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(given, name);
    if (distance >= least) continue;
    least = distance;
    closest = name;
  }
  return closest;
}

}  // namespace topgun::loadgen
