// What one Watch stream still has to tell its replica about topics: which are wanted, and
// publications.
//
// Of a topic only the difference from what the replica knows waits, however often it changes.
// Publications wait in order, up to a limit. One message takes a limited number of topics, because
// a stream that opens starts with all of them.
//
// Owned by the stream; one thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "dispatch/io.h"
#include "topgun/sync/v1/sync.pb.h"

namespace topgun::gateway {

class TopicOutbox {
 public:
  struct Limits {
    size_t bytes_max = size_t{4} << 20;  // of publications that wait
    size_t topics_per_message = 10'000;  // that are added or removed
  };

  TopicOutbox() = default;
  explicit TopicOutbox(const Limits& limits) : limits_(limits) {}

  // What a publication is counted with.
  static size_t BytesOf(const Publication& publication);

  void Add(const std::string& topic) { Change(topic, true); }
  void Remove(const std::string& topic) { Change(topic, false); }
  // False: too much waits.
  bool Publish(const Publication& publication);

  bool empty() const { return changes_.empty() && waiting_.publications_size() == 0; }
  // Publications that wait.
  size_t publications() const { return static_cast<size_t>(waiting_.publications_size()); }
  // Adds to the message what fits into one.
  void MoveTo(sync::v1::WatchRequest& request);

 private:
  void Change(const std::string& topic, bool wanted);

  const Limits limits_;
  std::map<std::string, bool> changes_;  // whether each is wanted from now on
  sync::v1::WatchRequest waiting_;       // its publications
  size_t bytes_ = 0;
};

}  // namespace topgun::gateway
