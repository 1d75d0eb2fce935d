// Stand-ins for what topics, the journal, counters, locks and searches need of the cluster.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/pn_counter.h"
#include "dispatch/io.h"
#include "dispatch/lock_io.h"
#include "dispatch/search_requests.h"
#include "msgpack/writer.h"

namespace topgun::gateway {

// Keeps what is published; tests hand it to Topics as the cluster would.
class FakeBus final : public TopicBus {
 public:
  struct Sent {
    std::string topic;
    std::string data;
    std::string origin;
    int64_t published_ms = 0;
  };

  void AddTopic(const std::string& topic) override { topics.insert(topic); }
  void RemoveTopic(const std::string& topic) override { topics.erase(topic); }
  Published Publish(const Publication& publication) override {
    if (result != Published::kSent) return result;
    sent.push_back({std::string(publication.topic), std::string(publication.data),
                    std::string(publication.origin), publication.published_ms});
    return result;
  }

  // Everything comes back, as to every gateway that wants it.
  void Deliver(PublicationObserver& observer) {
    for (const Sent& each : std::exchange(sent, {})) {
      if (!topics.contains(each.topic)) continue;
      observer.OnPublication({each.topic, each.data, each.origin, each.published_ms});
    }
  }

  std::set<std::string> topics;
  std::vector<Sent> sent;
  Published result = Published::kSent;
};

// Answers when told to.
class FakeJournal final : public JournalReader {
 public:
  void ReadJournal(const JournalQuery& query, Done done) override {
    reads.emplace_back(query, std::move(done));
  }
  const JournalQuery& query() const { return reads.front().first; }
  // Answers the oldest read.
  void Answer(std::shared_ptr<const JournalAnswer> answer) { Pop()(std::move(answer)); }
  void Fail() { Pop()(Unavailable("no sync replica is up")); }

  std::deque<std::pair<JournalQuery, Done>> reads;

 private:
  Done Pop() {
    Done done = std::move(reads.front().second);
    reads.pop_front();
    return done;
  }
};

// Answers when told to.
class FakeCounterReader final : public CounterReader {
 public:
  void ReadCounter(const std::string& name, Done done) override {
    reads.emplace_back(name, std::move(done));
  }
  // The oldest read.
  void Answer(const crdt::PnCounter& counter) {
    std::string state;
    msgpack::Writer writer(state);
    counter.Encode(writer);
    Pop()(std::move(state));
  }
  void Fail() { Pop()(Unavailable("no sync replica is up")); }

  std::deque<std::pair<std::string, Done>> reads;

 private:
  Done Pop() {
    Done done = std::move(reads.front().second);
    reads.pop_front();
    return done;
  }
};

// Keeps what it was asked; tests answer.
class FakeLockClient final : public LockClient {
 public:
  struct Asked {
    LockWish wish;
    Granted done;
  };
  struct Given {
    LockHold hold;
    std::chrono::milliseconds patience;
    Released done;
  };

  CallId Acquire(const LockWish& wish, Granted done) override {
    asked.emplace(++last_call, Asked{wish, std::move(done)});
    return last_call;
  }
  void Release(const LockHold& hold, std::chrono::milliseconds patience, Released done) override {
    given.push_back({hold, patience, std::move(done)});
  }
  void Cancel(CallId acquire) override { cancelled += static_cast<int>(asked.erase(acquire)); }

  // Answers the oldest question.
  void Grant(StatusOr<std::optional<uint64_t>> grant) {
    const Asked oldest = std::move(asked.begin()->second);
    asked.erase(asked.begin());
    oldest.done(std::move(grant));
  }
  void Free(StatusOr<bool> released) {
    const Given oldest = std::move(given.front());
    given.pop_front();
    oldest.done(std::move(released));
  }

  std::map<CallId, Asked> asked;
  std::deque<Given> given;
  CallId last_call = 0;
  int cancelled = 0;
};

// Hands requests on, once it is told where.
class FakeSearches final : public SearchRequests {
 public:
  void OnSearch(Connection& connection, const wire::SearchFrame& frame) override {
    if (real != nullptr) real->OnSearch(connection, frame);
  }
  void OnSearchSub(Connection& connection, const wire::SearchFrame& frame) override {
    if (real != nullptr) real->OnSearchSub(connection, frame);
  }
  void OnSearchUnsub(Connection& connection, std::string_view subscription_id) override {
    if (real != nullptr) real->OnSearchUnsub(connection, subscription_id);
  }
  void Recheck() override {
    if (real != nullptr) real->Recheck();
  }
  void Forget(Connection& connection) override {
    if (real != nullptr) real->Forget(connection);
  }
  size_t CountOf(Connection& connection) const override {
    return real == nullptr ? 0 : real->CountOf(connection);
  }

  SearchRequests* real = nullptr;
};

}  // namespace topgun::gateway
