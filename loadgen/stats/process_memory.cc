#include "stats/process_memory.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <string>

namespace topgun::loadgen {
namespace {

// "Rss:               23136 kB", at the beginning of a line.
std::optional<uint64_t> FieldBytes(std::string_view text, std::string_view name) {
  const std::string wanted = "\n" + std::string(name) + ":";
  const size_t at = text.find(wanted);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(at + wanted.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  uint64_t kilobytes = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), kilobytes);
  if (error != std::errc()) return std::nullopt;
  return kilobytes * 1024;
}

}  // namespace

std::optional<ProcessMemory> ParseSmapsRollup(std::string_view text) {
  const auto rss = FieldBytes(text, "Rss");
  const auto pss = FieldBytes(text, "Pss");
  if (!rss || !pss) return std::nullopt;
  return ProcessMemory{*rss, *pss};
}

std::optional<ProcessMemory> ReadProcessMemory(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return ParseSmapsRollup(text);
}

}  // namespace topgun::loadgen
