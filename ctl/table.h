// Text for people: tables, durations, amounts. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace topgun::ctl {

// Columns as wide as their widest cell, two blanks apart; the last one is not filled up.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  size_t size() const { return rows_.size() - 1; }
  std::string Render() const;
  void Print() const;  // to stdout

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string FormatSeconds(double seconds);  // "350ms", "12s", "3m20s", "5h12m", "3d4h"
std::string FormatBytes(double bytes);      // "512 B", "1.5 MiB"
std::string FormatCount(double count);      // "1234", without a fraction

}  // namespace topgun::ctl
