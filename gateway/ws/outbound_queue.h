// What one connection still has to be sent, bounded in bytes (architecture: delivery).
//
// Three kinds of frames: replies leave in order and are never dropped; pushes share that order and
// are limited, because a peer that does not read must not fill the memory; urgent frames overtake
// both. A push that names a coalescing key replaces the one still queued under the same key, but
// only once a backlog has built up: while everything leaves at once, the index would cost more
// than it saves.
//
// Owned by a session; not thread-safe.
#pragma once

#include <boost/container/deque.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace topgun::gateway {

using SharedBytes = std::shared_ptr<const std::string>;

// One message: `own`, then `head`, then `tail`. Shared parts are encoded once for all receivers.
struct OutboundFrame {
  std::string own;
  SharedBytes head;
  SharedBytes tail;

  size_t size() const { return own.size() + (head ? head->size() : 0) + (tail ? tail->size() : 0); }
};

struct PushFrame {
  SharedBytes head;
  SharedBytes tail;
  // Frames of the same stream and key supersede each other; stream 0: never.
  uint64_t stream = 0;
  std::string_view key;
  // The frame must reach the peer even if it is superseded (ENTER: the next one is an UPDATE).
  bool keep = false;
  // May be lost: it is not queued once half of what may wait does, so that it crowds out nothing
  // else.
  bool lossy = false;
};

struct OutboundLimits {
  size_t push_bytes_max = size_t{1} << 20;
  size_t reply_bytes_max = size_t{4} << 20;
  // Backlog above which pushes are coalesced.
  size_t coalesce_bytes_min = size_t{16} << 10;
};

// How far a peer is behind with reading.
enum class Backlog : uint8_t {
  kNone,
  kCoalescing,  // news of the same key replace each other
  kSlow,        // more than half of the news that may wait do, or answers hold up the reading
};

std::string_view Name(Backlog backlog);

class OutboundQueue {
 public:
  static constexpr size_t kUrgentMax = 64;

  // `limits` outlive the queue and may change.
  explicit OutboundQueue(const OutboundLimits& limits) : limits_(limits) {}

  void Reply(std::string frame);
  // Bounded by kUrgentMax: past it the oldest is dropped, which a peer that asks again and again
  // without reading will not miss.
  void Urgent(std::string frame);
  // False: the limit is passed, for the frame if it is lossy; it is not queued.
  bool Push(const PushFrame& push);

  // The next frame to send; false when there is none.
  bool Pop(OutboundFrame* frame);
  void Clear();
  // Gives back memory that only a backlog needs. Does nothing while there is one.
  void Trim();

  bool empty() const { return urgent_.empty() && entries_.empty(); }
  size_t bytes() const { return push_bytes_ + reply_bytes_; }
  // More answers wait than the peer should be allowed to ask for.
  bool RepliesFull() const { return reply_bytes_ > limits_.reply_bytes_max; }
  Backlog backlog() const;
  uint64_t coalesced() const { return coalesced_; }

 private:
  struct Entry {
    OutboundFrame frame;
    bool is_push = false;
    const std::string* index_key = nullptr;  // owned by index_
  };

  std::string* IndexKeyOf(const PushFrame& push);
  bool Replace(const PushFrame& push, const std::string& index_key);

  const OutboundLimits& limits_;
  // Most connections are idle: unlike std::deque these own nothing while they are empty.
  std::list<std::string> urgent_;
  boost::container::deque<Entry> entries_;
  uint64_t first_ = 0;  // number of entries_.front(), so that the index survives pops
  std::unordered_map<std::string, uint64_t> index_;
  std::string scratch_;
  size_t push_bytes_ = 0;
  size_t reply_bytes_ = 0;
  uint64_t coalesced_ = 0;
};

}  // namespace topgun::gateway
