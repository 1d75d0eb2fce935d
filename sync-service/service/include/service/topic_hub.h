// Publish and subscribe between the Watch streams of this process (features.md 2): who wants which
// topics, and publications to all of them.
//
// Thread-safe: gRPC's callback threads call it. The mutex is held for a look-up or for one change
// of a list only; publications are handed to the streams without it. Those that come from one
// stream reach every other stream in order, because gRPC reads a stream on one thread at a time.
// Nothing is kept.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "domain/probe.h"
#include "topgun/sync/v1/sync.pb.h"

namespace topgun::sync {

// A stream that may want topics.
class TopicSink {
 public:
  virtual ~TopicSink() = default;

  // Any thread. Takes it at once and sends it when it can. False: too much waits already.
  virtual bool OnPublication(const v1::Publication& publication) = 0;
};

struct TopicLimits {
  size_t topics_max = 100'000;  // of one sink
  size_t publication_bytes_max = size_t{1} << 20;
};

// What a publication is counted with wherever it waits.
size_t BytesOf(const v1::Publication& publication);

class TopicHub {
 public:
  using SinkPtr = std::shared_ptr<TopicSink>;

  TopicHub(const TopicLimits& limits, Probe& probe) : limits_(limits), probe_(probe) {}
  TopicHub(const TopicHub&) = delete;
  TopicHub& operator=(const TopicHub&) = delete;

  // Idempotent. False: the sink wants too many topics, so it does not get this one.
  bool Add(const SinkPtr& sink, const std::string& topic);
  void Remove(const SinkPtr& sink, const std::string& topic);
  // The sink wants nothing any more.
  void Forget(const SinkPtr& sink);

  void Publish(const v1::Publication& publication);

 private:
  using Sinks = std::vector<SinkPtr>;

  // The mutex is held.
  void RemoveFrom(const std::string& topic, const SinkPtr& sink);

  const TopicLimits limits_;
  Probe& probe_;
  std::mutex mutex_;
  // Lists are replaced, never changed, so that a publication can walk along one without the mutex.
  std::unordered_map<std::string, std::shared_ptr<const Sinks>> sinks_;
  std::unordered_map<const TopicSink*, std::unordered_set<std::string>> topics_;
};

}  // namespace topgun::sync
