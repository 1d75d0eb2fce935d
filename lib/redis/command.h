// One command in the Redis protocol: an array of binary strings. Movable value; any thread, one at
// a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace topgun::redis {

// Appends one command: `head` and `tail` are one argument list; two spans save callers from joining
// them.
void AppendCommand(std::string& out, std::span<const std::string_view> head,
                   std::span<const std::string_view> tail);

class Command {
 public:
  Command() = default;
  Command(std::span<const std::string_view> head, std::span<const std::string_view> tail) {
    AppendCommand(bytes_, head, tail);
  }

  std::string_view bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

}  // namespace topgun::redis
