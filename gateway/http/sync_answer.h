// The answer of one POST /sync while it comes together, and the bytes that it borrows: whole maps
// are not held on to. Owned by its exchange; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "http/byte_arena.h"
#include "wire/http_sync.h"

namespace topgun::gateway {

// Codes and texts of the entries of `errors` (core.md 9.1).
namespace sync_error {
inline constexpr int64_t kBadRequest = 400;
inline constexpr int64_t kForbidden = 403;
inline constexpr int64_t kConflict = 409;
inline constexpr int64_t kGone = 410;
inline constexpr int64_t kTooLarge = 413;
inline constexpr int64_t kTooMany = 429;
inline constexpr int64_t kUnavailable = 503;
inline constexpr std::string_view kDenied = "access denied";
inline constexpr std::string_view kOverloaded = "server overloaded, try again later";
}  // namespace sync_error

class SyncAnswer {
 public:
  SyncAnswer() = default;
  SyncAnswer(const SyncAnswer&) = delete;
  SyncAnswer& operator=(const SyncAnswer&) = delete;

  // `context` is borrowed: a map, or the id of an operation or a query.
  void AddError(int64_t code, std::string message, std::string_view context = {}) {
    wire::SyncError error{.code = code, .message = Own(std::move(message)), .context = {}};
    if (!context.empty()) error.context = context;
    response_.errors.push_back(error);
  }

  // Valid as long as the answer.
  std::string_view Own(std::string text) { return texts_.emplace_back(std::move(text)); }
  ByteArena& arena() { return arena_; }

  wire::SyncResponse& response() { return response_; }

 private:
  std::deque<std::string> texts_;
  ByteArena arena_;
  wire::SyncResponse response_;
};

}  // namespace topgun::gateway
