#include "table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace topgun::ctl {
namespace {

// Characters, not bytes: names may be in any script.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string OneDecimal(double value, const char* unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, unit);
  return text.data();
}

std::string TwoUnits(int64_t seconds, int64_t large, const char* large_name, int64_t small,
                     const char* small_name) {
  std::string text = std::to_string(seconds / large) + large_name;
  const int64_t rest = seconds % large / small;
  return rest == 0 ? text : text + std::to_string(rest) + small_name;
}

}  // namespace

std::string Table::Render() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - WidthOf(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

void Table::Print() const { std::fputs(Render().c_str(), stdout); }

std::string FormatSeconds(double seconds) {
  if (seconds < 1) return std::to_string(std::lround(seconds * 1000)) + "ms";
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 60) return std::to_string(whole) + "s";
  if (whole < 3'600) return TwoUnits(whole, 60, "m", 1, "s");
  if (whole < 86'400) return TwoUnits(whole, 3'600, "h", 60, "m");
  return TwoUnits(whole, 86'400, "d", 3'600, "h");
}

std::string FormatBytes(double bytes) {
  if (bytes < 1'024) return std::to_string(std::llround(bytes)) + " B";
  if (bytes < 1'048'576) return OneDecimal(bytes / 1'024, "KiB");
  if (bytes < 1'073'741'824) return OneDecimal(bytes / 1'048'576, "MiB");
  return OneDecimal(bytes / 1'073'741'824, "GiB");
}

std::string FormatCount(double count) { return std::to_string(std::llround(count)); }

}  // namespace topgun::ctl
