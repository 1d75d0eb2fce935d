#include "redis/transaction.h"

#include <array>

#include "command.h"

namespace topgun::redis {

Transaction::Transaction() {
  constexpr std::array<std::string_view, 1> kMulti = {"MULTI"};
  AppendCommand(bytes_, kMulti, {});
}

void Transaction::Add(std::span<const std::string_view> args) { Add(args, {}); }

void Transaction::Add(std::initializer_list<std::string_view> args) {
  Add({args.begin(), args.size()}, {});
}

void Transaction::Add(std::span<const std::string_view> head,
                      std::span<const std::string_view> tail) {
  AppendCommand(bytes_, head, tail);
  ++commands_;
}

}  // namespace topgun::redis
