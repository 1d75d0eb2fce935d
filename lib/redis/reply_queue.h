// Commands of one connection that wait for their replies, in the order of those. A transaction is
// one of them: its commands are answered before EXEC is, and only EXEC's reply counts.
//
// Knows nothing of sockets and time. Owned by a Connection, one thread; a reference from Push() is
// good until the next call.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "command.h"
#include "redis/connection.h"

namespace topgun::redis {

class ReplyQueue {
 public:
  struct Pending {
    Connection::Callback callback;  // may be empty: nobody cares
    Command command;                // kept only with a script, to repeat it
    const state::Script* script = nullptr;
    size_t bytes = 0;
    std::chrono::milliseconds allowance{};  // longest silence while this is the oldest command
    size_t queued = 0;                      // replies of a transaction that come before EXEC's
    std::string refusal;                    // the first of them that was an error
  };

  bool empty() const { return pending_.empty(); }
  // Of all commands that wait.
  uint64_t bytes() const { return bytes_; }
  const Pending& oldest() const { return pending_.front(); }

  Pending& Push(size_t bytes, std::chrono::milliseconds allowance, Connection::Callback callback) {
    Pending& pending = pending_.emplace_back();
    pending.callback = std::move(callback);
    pending.bytes = bytes;
    pending.allowance = allowance;
    bytes_ += bytes;
    return pending;
  }

  // True: the reply came before EXEC's, so the oldest still waits. Not when empty.
  bool Absorb(const Reply& reply) {
    Pending& oldest = pending_.front();
    if (oldest.queued == 0) return false;
    --oldest.queued;
    const ReplyView queued(reply.get());
    if (queued.type() == ReplyType::kError && oldest.refusal.empty()) oldest.refusal = queued.str();
    return true;
  }

  // The oldest, whose reply is here. Not when empty.
  Pending Pop() {
    Pending pending = std::move(pending_.front());
    pending_.pop_front();
    bytes_ -= pending.bytes;
    return pending;
  }

  // All of them, which will not be answered.
  std::deque<Pending> TakeAll() {
    bytes_ = 0;
    return std::exchange(pending_, {});
  }

 private:
  std::deque<Pending> pending_;
  uint64_t bytes_ = 0;
};

}  // namespace topgun::redis
