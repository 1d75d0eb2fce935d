// One Merkle sync of one map as the stock client walks it (core.md 7.5, 7.6): the root, then every
// level's differing buckets, all requests of a level at once, then the leaves.
//
// Pure: frames come in, requests go out through the Output. There is no end marker on the wire; the
// walk is over when nothing that was asked for is missing. Owned by a MerkleClient; not
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "merkle/replica.h"
#include "wire/server_frame.h"

namespace topgun::loadgen {

class MerkleWalk {
 public:
  class Output {
   public:
    virtual ~Output() = default;
    virtual void Send(std::string_view frame) = 0;
  };

  struct Cost {
    uint32_t frames_sent = 0;
    uint32_t frames_received = 0;
    uint64_t records = 0;
    // Answers that had to be waited for one after the other: the longest chain of requests.
    uint32_t round_trips = 0;
  };

  // All must outlive the walk.
  MerkleWalk(std::string map, bool is_or, Replica& replica, Output& output)
      : map_(std::move(map)), is_or_(is_or), replica_(replica), output_(output) {}

  // Sends the init.
  void Start();
  // Ignores what belongs to no walk of this map. True when this frame has ended the walk.
  bool OnFrame(const wire::ServerFrame& frame);

  // Forgets what was asked for.
  void Abandon() { missing_ = 0; }

  bool running() const { return missing_ > 0; }
  // Of the walk at hand, or of the last one.
  const Cost& cost() const { return cost_; }
  // What the server said its root was; that of the replica must equal it in the end.
  uint32_t server_root() const { return server_root_; }

 private:
  void OnRoot(const wire::SyncRootFrame& root);
  void OnBuckets(const wire::SyncBucketsFrame& buckets);
  void OnLeaf(const wire::ServerFrame& frame);
  void Request(std::string path);
  void Transmit();

  const std::string map_;
  const bool is_or_;
  Replica& replica_;
  Output& output_;
  size_t missing_ = 0;  // answers
  uint32_t server_root_ = 0;
  Cost cost_;
  std::string scratch_;
};

}  // namespace topgun::loadgen
