// Full-text search for the connections of a loop (features.md 7): single searches here, live ones
// in live_searches.h.
//
// A search waits for the connection's own writes, then shares its call with equal ones. It is
// answered once: with results, or with an error when a limit is met, the map may not be read, or
// the cluster does not answer in time. Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "dispatch/loop_context.h"
#include "dispatch/search_requests.h"
#include "search/live_searches.h"
#include "search/search_calls.h"
#include "search/search_io.h"
#include "search/search_probe.h"

namespace topgun::gateway {

struct SearchOptions {
  size_t waiting_max = 1'000;  // searches that are not answered, of the loop and of a connection
  size_t waiting_per_connection_max = 64;
  size_t id_bytes_max = 1'024;  // of live searches: they are kept
  LiveSearchOptions live = {};
};

class Searches final : public SearchRequests {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `others` hears of every change that changes() hears of.
  Searches(const SearchOptions& options, ChangeSource& source, MapSearcher& searcher,
           ChangeObserver& others, After after, SearchProbe& probe, const WallClock& clock)
      : options_(options),
        probe_(probe),
        calls_(searcher, probe),
        live_(options.live, source, searcher, calls_, others, std::move(after), probe, clock) {}
  void Bind(LoopContext& context);
  void set_subscriptions_max(size_t count) { live_.set_subscriptions_max(count); }

  void OnSearch(Connection& connection, const wire::SearchFrame& frame) override;
  void OnSearchSub(Connection& connection, const wire::SearchFrame& frame) override;
  void OnSearchUnsub(Connection& connection, std::string_view subscription_id) override {
    live_.Unsubscribe(connection, subscription_id);
  }
  void Recheck() override { live_.Recheck(); }
  void Forget(Connection& connection) override;
  size_t CountOf(Connection& connection) const override { return live_.CountOf(connection); }

  ChangeObserver& changes() { return live_; }
  void Tick(Time now) { live_.Tick(now); }

 private:
  struct Asked {
    ConnectionId connection;
    std::string id;
    SearchRequest request;
    Time received;
    Tracer::QuestionPtr question;
  };

  void Begin(const Asked& asked);
  void Answer(const Asked& asked, const StatusOr<SearchHits>& hits);
  void Refuse(Connection& connection, std::string_view id, std::string_view error);

  const SearchOptions options_;
  SearchProbe& probe_;
  LoopContext* context_ = nullptr;
  SearchCalls calls_;
  LiveSearches live_;
  absl::flat_hash_map<Connection*, size_t> waiting_of_;  // searches
  size_t waiting_ = 0;
};

}  // namespace topgun::gateway
