#include "command.h"

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

Command::Command(std::span<const std::string_view> head, std::span<const std::string_view> tail) {
  size_t size = kHeaderBytesMax;
  for (const auto part : {head, tail}) {
    for (const std::string_view arg : part) size += arg.size() + kHeaderBytesMax + kLineEnd.size();
  }
  bytes_.reserve(size);
  AppendHeader(bytes_, '*', head.size() + tail.size());
  for (const auto part : {head, tail}) {
    for (const std::string_view arg : part) {
      AppendHeader(bytes_, '$', arg.size());
      bytes_.append(arg).append(kLineEnd);
    }
  }
}

}  // namespace topgun::redis
