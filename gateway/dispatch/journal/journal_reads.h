// Answers JOURNAL_READ (features.md 6): pages of retained events, of maps that the client may read.
//
// A read waits for the connection's own changes. It asks the cluster again while its answer is not
// full and there is more to look at, up to `read_patience`: a client that gets no events would not
// know where to go on.
//
// Limits: reads of a connection that wait, events and bytes of an answer. Owned by a Journal; one
// thread. Connections call Forget() before they go.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/journal/journal_probe.h"
#include "dispatch/loop_context.h"
#include "wire/journal.h"

namespace topgun::gateway {

class Connection;

struct JournalReadOptions {
  size_t reads_max = 16;  // of a connection that wait
  size_t events_max = 10'000;
  size_t bytes_max = size_t{1} << 20;  // of the events of an answer; one may be larger
  std::chrono::milliseconds patience{8'000};
};

class JournalReads {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr uint32_t kLimitDefault = 100;

  JournalReads(const JournalReadOptions& options, JournalReader& reader, JournalProbe& probe)
      : options_(options), reader_(reader), probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  void OnRead(Connection& connection, const wire::JournalReadFrame& frame);
  void Forget(Connection& connection) { waiting_.erase(&connection); }
  void Tick(Time now) { now_ = now; }

  static void AnswerEmpty(Connection& connection, std::string_view request_id);

 private:
  struct Read {
    ConnectionId connection;
    std::string request_id;
    size_t limit = 0;
    JournalQuery query;
    Time deadline;
    std::vector<std::shared_ptr<const JournalAnswer>> answers;  // what `found` points into
    std::vector<const JournalRecord*> found;
    size_t bytes = 0;
    bool has_more = false;
  };
  using ReadPtr = std::shared_ptr<Read>;

  void Ask(const ReadPtr& read);
  void OnAnswer(const ReadPtr& read, const StatusOr<std::shared_ptr<const JournalAnswer>>& answer);
  // False when the answer is full.
  bool Take(const Connection& connection, const JournalAnswer& answer, Read& read) const;
  void Send(Connection& connection, const Read& read);
  void Finish(Connection& connection);

  const JournalReadOptions options_;
  JournalReader& reader_;
  JournalProbe& probe_;
  LoopContext* context_ = nullptr;
  std::unordered_map<Connection*, size_t> waiting_;
  Time now_;
};

}  // namespace topgun::gateway
