// Numbers as people read them. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace topgun::loadgen {

std::string Grouped(uint64_t value);          // 1 234 567
std::string Grouped(double value);            // rounded
std::string Fixed(double value, int digits);  // 1.25
std::string Millis(int64_t nanoseconds);      // 1.25, in ms
std::string Bytes(double bytes);              // 1.2 MB
std::string PadLeft(const std::string& text, size_t width);
std::string PadRight(const std::string& text, size_t width);

}  // namespace topgun::loadgen
