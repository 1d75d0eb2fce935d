#include "report/text.h"

#include <cmath>
#include <cstdio>

namespace topgun::loadgen {

std::string Grouped(uint64_t value) {
  std::string text = std::to_string(value);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, " ");
  return text;
}

std::string Grouped(double value) { return Grouped(static_cast<uint64_t>(std::llround(value))); }

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Millis(int64_t nanoseconds) { return Fixed(static_cast<double>(nanoseconds) / 1e6, 2); }

std::string Bytes(double bytes) {
  const char* unit = "B";
  for (const char* larger : {"kB", "MB", "GB"}) {
    if (bytes < 1000) break;
    bytes /= 1000;
    unit = larger;
  }
  return Fixed(bytes, *unit == 'B' ? 0 : 1) + " " + unit;
}

std::string PadLeft(const std::string& text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string PadRight(const std::string& text, size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

}  // namespace topgun::loadgen
