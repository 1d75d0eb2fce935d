// MULTI, some commands and EXEC: what Redis runs at once or, when a key that the connection watches
// was touched, not at all. Sent by Connection::Transact().
//
// A movable value; any thread, one at a time.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace topgun::redis {

class Transaction {
 public:
  Transaction();

  // Arguments are copied. At least one command.
  void Add(std::span<const std::string_view> args);
  void Add(std::initializer_list<std::string_view> args);
  // One command whose arguments are `head` and `tail`.
  void Add(std::span<const std::string_view> head, std::span<const std::string_view> tail);

 private:
  friend class Connection;

  std::string bytes_;
  size_t commands_ = 0;
};

}  // namespace topgun::redis
