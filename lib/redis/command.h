// One command in the Redis protocol, formatted by hiredis. Movable value; any thread, one at a
// time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace topgun::redis {

class Command {
 public:
  Command() = default;
  // `head` and `tail` are one argument list; two spans save callers from joining them.
  Command(std::span<const std::string_view> head, std::span<const std::string_view> tail);

  std::string_view bytes() const { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<char, Free> bytes_;
  size_t size_ = 0;
};

}  // namespace topgun::redis
