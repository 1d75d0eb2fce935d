// The rows of queries that do more than list a map: filtered, ordered, limited, projected or
// grouped (features.md 1).
//
// FanOut holds their subscriptions like all others: access, limits, the interest in the map, its
// SERVER_EVENTs. What QUERY_RESP and QUERY_UPDATE say is worked out behind this interface (live/).
// One loop, one thread; no call comes from inside another one.
#pragma once

#include <cstdint>

#include "dispatch/io.h"
#include "query/query.h"
#include "tracer.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

class Connection;

class QueryRows {
 public:
  virtual ~QueryRows() = default;

  // A subscription that was taken, by its serial; it waits. The frame is borrowed, the query is
  // what it asks for. `question` is answered with the rows; null: it is not traced. False: there
  // are too many.
  virtual bool Add(uint64_t serial, Connection& connection, const wire::QuerySubFrame& frame,
                   query::Query query, Tracer::QuestionPtr question) = 0;
  // Its map may be read, its connection's own writes are done and OnChange() hears of what follows:
  // the rows are wanted. Also after Suspend().
  virtual void Begin(uint64_t serial) = 0;
  // Its map may not be read any more.
  virtual void Suspend(uint64_t serial) = 0;
  virtual void End(uint64_t serial) = 0;

  // An LWW cell of a map with a subscription that has begun.
  virtual void OnChange(const Change& change) = 0;
  // Changes were missed; perhaps more than once until OnProgress().
  virtual void OnGap() = 0;
  virtual void OnProgress() = 0;
};

}  // namespace topgun::gateway
