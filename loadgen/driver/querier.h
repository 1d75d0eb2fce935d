// The queries of a mix: each asks for a snapshot of an LWW map or a part of it and gives the
// subscription up as soon as it has come. Times them. Owned by a Writer; its thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "client/op_channel.h"
#include "driver/run_context.h"
#include "stats/run_stats.h"
#include "workload/op_source.h"

namespace topgun::loadgen {

class Querier {
 public:
  struct Query {
    uint64_t number = 0;  // assigned by Send()
    OpSource::Read read;
    bool then_put = false;  // a put of the same key shall follow
    int64_t planned_ns = 0;
    int64_t sent_ns = 0;
  };

  // An open loop against a target that does not answer asks no more than this.
  static constexpr size_t kOutstandingMax = 10'000;

  // All must outlive the querier.
  Querier(const RunContext& context, OpChannel& channel, RunStats& stats)
      : context_(context), channel_(channel), stats_(stats) {}

  size_t outstanding() const { return outstanding_.size(); }
  bool full() const { return outstanding_.size() >= kOutstandingMax; }

  // While the connection is down it is only noted.
  void Send(Query query);
  // After a reconnect: whatever is unanswered is asked again.
  void SendAllAgain();
  // The query that this answers; nothing when it is somebody else's.
  std::optional<Query> OnAnswer(const wire::QueryRespFrame& answer);

 private:
  void Transmit(const Query& query);

  const RunContext& context_;
  OpChannel& channel_;
  RunStats& stats_;
  uint64_t next_number_ = 1;
  std::deque<Query> outstanding_;
  std::string scratch_;
};

// The `query` member of a QUERY_SUB that reads `rows` rows from `key` on: one key for 1, everything
// for 0.
std::string QueryFrom(uint64_t key, uint32_t rows);

}  // namespace topgun::loadgen
