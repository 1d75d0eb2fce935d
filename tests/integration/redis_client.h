// Synchronous use of redis::Connection in tests: every call runs the loop until the reply is there.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "redis/connection.h"
#include "support/wait.h"

namespace topgun::redis {

// Runs the loop until `condition` holds; false when patience ran out.
inline bool RunUntil(boost::asio::io_context& io, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + support::kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds(50));
  }
  return true;
}

class RedisClient {
 public:
  using Texts = std::vector<std::string>;

  explicit RedisClient(const std::string& address) : connection_(io_, {.address = address}, {}) {
    connection_.Start();
    EXPECT_TRUE(RunUntil(io_, [this] { return connection_.connected(); }));
  }

  const std::string& run() const { return connection_.run(); }

  StatusOr<Reply> Send(std::initializer_list<std::string_view> args) {
    return Await([&](Connection::Callback done) { connection_.Send(args, std::move(done)); });
  }
  StatusOr<Reply> Eval(const state::Script& script, const Texts& keys, const Texts& args) {
    std::vector<std::string_view> all(keys.begin(), keys.end());
    all.insert(all.end(), args.begin(), args.end());
    return Await([&](Connection::Callback done) {
      connection_.Eval(script, keys.size(), all, std::move(done));
    });
  }

 private:
  StatusOr<Reply> Await(const std::function<void(Connection::Callback)>& start) {
    std::optional<StatusOr<Reply>> result;
    start([&result](StatusOr<Reply> reply) { result.emplace(std::move(reply)); });
    if (!RunUntil(io_, [&result] { return result.has_value(); })) return DeadlineExceeded("test");
    return *std::move(result);
  }

  boost::asio::io_context io_;
  Connection connection_;
};

// Compact text of a reply for comparisons: [1 "a" [] nil].
inline std::string Render(const ReplyView& view) {
  switch (view.type()) {
    case ReplyType::kNil:
      return "nil";
    case ReplyType::kInteger:
      return std::to_string(view.integer());
    case ReplyType::kArray: {
      std::string text = "[";
      for (size_t i = 0; i < view.size(); ++i) {
        text.append(i == 0 ? "" : " ").append(Render(view[i]));
      }
      return text + "]";
    }
    default:
      return std::string("\"").append(view.str()).append("\"");
  }
}
inline std::string Render(const StatusOr<Reply>& reply) {
  return reply.ok() ? Render(ReplyView(reply->get())) : ToString(reply.status());
}

}  // namespace topgun::redis
