#include "command.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace topgun::redis {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
// A type, 20 digits, a line end.
constexpr size_t kHeaderBytesMax = 23;

void AppendHeader(std::string& out, char type, size_t count) {
  std::array<char, kHeaderBytesMax> line;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  line[0] = type;
  char* end = std::to_chars(line.data() + 1, line.data() + line.size(), count).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(line.data(), end);
}

}  // namespace

void AppendCommand(std::string& out, std::span<const std::string_view> head,
                   std::span<const std::string_view> tail) {
  size_t size = out.size() + kHeaderBytesMax;
  for (const auto part : {head, tail}) {
    for (const std::string_view arg : part) size += arg.size() + kHeaderBytesMax + kLineEnd.size();
  }
  // Doubles at least: a transaction appends many commands to one string.
  if (size > out.capacity()) out.reserve(std::max(size, 2 * out.capacity()));
  AppendHeader(out, '*', head.size() + tail.size());
  for (const auto part : {head, tail}) {
    for (const std::string_view arg : part) {
      AppendHeader(out, '$', arg.size());
      out.append(arg).append(kLineEnd);
    }
  }
}

}  // namespace topgun::redis
