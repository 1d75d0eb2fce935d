// Full-text search: the statistics of all loops' views are added up, then every loop finds its best
// records under the sum. So the answer is that of one index over the whole map.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/collector.h"
#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

using Found = std::vector<FoundRecord>;

constexpr int kSearchKeysMax = 1'000;
constexpr uint32_t kSearchLimitMax = 10'000;

StatusOr<MapSearch> DecodeSearch(const v1::SearchMapRequest& request) {
  if (request.key_lengths_size() > kSearchKeysMax) return InvalidArgument("keys: too many");
  if (request.limit() > kSearchLimitMax) return InvalidArgument("limit: too large");
  MapSearch wanted;
  ASSIGN_OR_RETURN(wanted.query, search::SearchQuery::Parse(request.query()));
  wanted.limit = request.limit();
  wanted.min_score = request.min_score();
  std::string_view rest = request.keys();
  for (const uint32_t length : request.key_lengths()) {
    if (length > rest.size()) return InvalidArgument("key_lengths: longer than keys");
    wanted.keys.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return wanted;
}

void FillReply(std::vector<Found>& parts, const MapSearch& wanted, v1::SearchMapReply& reply) {
  Found all;
  for (Found& part : parts) std::move(part.begin(), part.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end(), IsBetter);
  if (wanted.keys.empty() && all.size() > wanted.limit) all.resize(wanted.limit);
  for (const FoundRecord& record : all) {
    if (record.expires_ms.has_value()) {
      reply.add_expiry_index(static_cast<uint32_t>(reply.scores_size()));
      reply.add_expires_ms(*record.expires_ms);
    }
    reply.mutable_keys()->append(record.key);
    reply.add_key_lengths(static_cast<uint32_t>(record.key.size()));
    reply.add_scores(record.score);
  }
}

// One call; the tasks on the loops share it.
class MapSearchCall : public std::enable_shared_from_this<MapSearchCall> {
 public:
  using Call = Gathering<Found>;

  MapSearchCall(LoopSet& loops, std::string map, MapSearch wanted,
                std::shared_ptr<const std::atomic<bool>> left)
      : loops_(loops),
        map_(std::move(map)),
        wanted_(std::make_shared<const MapSearch>(std::move(wanted))),
        left_(std::move(left)) {}

  const std::shared_ptr<const MapSearch>& wanted() const { return wanted_; }

  void Run(std::shared_ptr<Call> call) {
    call_ = std::move(call);
    const auto counts = std::make_shared<Collector<search::Statistics>>(
        loops_.loop_count(),
        [self = shared_from_this()](const StatusOr<std::vector<search::Statistics>>& parts) {
          if (!parts.ok()) return self->call_->Add(parts.status());
          search::Statistics whole;
          for (const search::Statistics& part : *parts) whole.Add(part);
          self->Find(whole);
        });
    for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
      const bool posted = loops_.Post(loop, [self = shared_from_this(), loop, counts] {
        self->loops_.ViewsOf(loop).CountTerms(
            self->map_, self->wanted_, self->IsWanted(),
            [counts](StatusOr<search::Statistics> part) { counts->Add(std::move(part)); });
      });
      if (!posted) counts->Add(Unavailable("shutting down"));
    }
  }

 private:
  void Find(const search::Statistics& statistics) {
    for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
      const bool posted = loops_.Post(loop, [self = shared_from_this(), loop, statistics] {
        self->loops_.ViewsOf(loop).Search(
            self->map_, self->wanted_, statistics, self->IsWanted(),
            [self](StatusOr<Found> part) { self->call_->Add(std::move(part)); });
      });
      if (!posted) call_->Add(Unavailable("shutting down"));
    }
  }

  SearchQueue::Wanted IsWanted() const {
    return [left = left_] { return !*left; };
  }

  LoopSet& loops_;
  const std::string map_;
  const std::shared_ptr<const MapSearch> wanted_;
  const std::shared_ptr<const std::atomic<bool>> left_;  // the caller
  std::shared_ptr<Call> call_;
};

}  // namespace

grpc::ServerUnaryReactor* SyncService::SearchMap(grpc::CallbackServerContext* context,
                                                 const v1::SearchMapRequest* request,
                                                 v1::SearchMapReply* reply) {
  StatusOr<MapSearch> wanted = DecodeSearch(*request);
  if (!wanted.ok() || wanted->query.matches_nothing()) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(rpc::ToGrpc(wanted.status()));
    return reactor;
  }
  const auto received = std::chrono::steady_clock::now();
  const auto left = std::make_shared<std::atomic<bool>>(false);
  const auto search =
      std::make_shared<MapSearchCall>(loops_, request->map(), *std::move(wanted), left);
  const auto call = std::make_shared<Gathering<Found>>(
      loops_.loop_count(),
      [this, reply, received, wanted_hits = search->wanted()](std::vector<Found>& parts) {
        FillReply(parts, *wanted_hits, *reply);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - received;
        probe_.searches().Searched(took.count());
      },
      [left] { *left = true; });
  grpc::ServerUnaryReactor* const reactor = Gathering<Found>::ReactorOf(call);
  search->Run(call);
  return reactor;
}

}  // namespace topgun::sync
