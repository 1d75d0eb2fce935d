// Owning view of one Redis reply (hiredis `redisReply`). Movable value; any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/status.h"

struct redisReply;

namespace topgun::redis {

enum class ReplyType : uint8_t { kNil, kString, kStatus, kInteger, kArray, kError };

// Borrowed element of a reply; valid while the Reply lives.
class ReplyView {
 public:
  explicit ReplyView(const redisReply* reply) : reply_(reply) {}
  ReplyType type() const;
  bool is_nil() const { return type() == ReplyType::kNil; }
  std::string_view str() const;  // string, status or error text; "" otherwise
  int64_t integer() const;       // integer, or a string of digits; 0 otherwise
  size_t size() const;           // elements of an array; 0 otherwise
  ReplyView operator[](size_t index) const;

 private:
  const redisReply* reply_;
};

struct ReplyDeleter {
  void operator()(redisReply* reply) const;
};
using Reply = std::unique_ptr<redisReply, ReplyDeleter>;

// An error reply as a status: what passes with time or another connection is UNAVAILABLE (LOADING,
// READONLY, MOVED, ASK, TRYAGAIN, CLUSTERDOWN, MASTERDOWN, OOM, MISCONF, UNBLOCKED, BUSY,
// NOREPLICAS), NOSCRIPT is NOT_FOUND, everything else INTERNAL.
Status ErrorStatus(std::string_view error_text);

// How a node of a Redis Cluster says that a command did not run because of where it was sent.
enum class Redirect : uint8_t {
  kMoved,       // another node has the slot
  kAsk,         // the slot is being moved, and the keys have gone already
  kTryAgain,    // the slot is being moved, and some of the keys have gone
  kClusterDown  // nobody has the slot, or the node does not know
};
inline constexpr size_t kRedirectCount = 4;
std::optional<Redirect> RedirectOf(std::string_view error_text);

}  // namespace topgun::redis
