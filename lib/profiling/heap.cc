#include "profiling/heap.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace topgun::profiling {
namespace {

std::string_view NextLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// Skips spaces; nothing when no number follows.
std::optional<uint64_t> NextNumber(std::string_view& line, int base = 10) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (base == 16 && line.starts_with("0x")) line.remove_prefix(2);
  uint64_t number = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), number, base);
  if (parsed.ec != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(parsed.ptr - line.data()));
  return number;
}

struct Record {
  uint64_t objects = 0;
  uint64_t bytes = 0;
  std::vector<uint64_t> addresses;  // the innermost first
};

// "  1:  1000 [  1:  1000] @ 0x1 0x2": objects, bytes, the same once more, return addresses.
std::optional<Record> ReadRecord(std::string_view line) {
  const auto objects = NextNumber(line);
  if (!objects || !line.starts_with(':')) return std::nullopt;
  line.remove_prefix(1);
  const auto bytes = NextNumber(line);
  const size_t at = line.find('@');
  if (!bytes || at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + 1);
  Record record{.objects = *objects, .bytes = *bytes, .addresses = {}};
  while (const auto address = NextNumber(line, 16)) record.addresses.push_back(*address - 1);
  return record;
}

// Larger objects are sampled more often: one of `size` bytes with the probability
// 1 - exp(-size / period).
double ScaleOf(const Record& record, double period) {
  if (record.objects == 0) return 0;
  const double size = static_cast<double>(record.bytes) / static_cast<double>(record.objects);
  return 1 / -std::expm1(-size / period);
}

// The period is at the end of the first line: "heap profile: ... @ heap_v2/524288".
StatusOr<uint64_t> ReadPeriod(std::string_view line) {
  constexpr std::string_view kVersion = "heap_v2/";
  const size_t at = line.find(kVersion);
  if (!line.starts_with("heap profile:") || at == std::string_view::npos) {
    return InvalidArgument("not a sample of the heap");
  }
  line.remove_prefix(at + kVersion.size());
  const auto period = NextNumber(line);
  if (!period || *period == 0) return InvalidArgument("the heap is not sampled");
  return *period;
}

}  // namespace

StatusOr<Profile> ParseHeapSample(std::string_view text) {
  ASSIGN_OR_RETURN(const uint64_t period, ReadPeriod(NextLine(text)));
  std::map<std::vector<uint64_t>, std::pair<double, double>> sums;
  while (!text.empty()) {
    const std::string_view line = NextLine(text);
    if (line.empty() || line.starts_with("MAPPED_LIBRARIES")) break;
    std::optional<Record> record = ReadRecord(line);
    if (!record) return InvalidArgument("a sample of the heap with a line that is none");
    const double scale = ScaleOf(*record, static_cast<double>(period));
    auto& [objects, bytes] = sums[std::move(record->addresses)];
    objects += static_cast<double>(record->objects) * scale;
    bytes += static_cast<double>(record->bytes) * scale;
  }
  Profile profile;
  profile.types = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}};
  profile.period_type = {"space", "bytes"};
  profile.period = static_cast<int64_t>(period);
  profile.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  for (const auto& [addresses, sum] : sums) {
    profile.samples.push_back(
        {.addresses = addresses, .values = {std::llround(sum.first), std::llround(sum.second)}});
  }
  return profile;
}

}  // namespace topgun::profiling
