#include "backend/map_searcher.h"

#include <memory>
#include <string_view>
#include <utility>

#include "rpc/status.h"

namespace topgun::gateway {
namespace {

struct SearchCall {
  sync::v1::SearchMapRequest request;
  sync::v1::SearchMapReply reply;
  Status refusal;
};

// No other replica would answer otherwise.
bool IsFinal(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument ||
         status.code() == StatusCode::kResourceExhausted;
}

void Fill(const SearchRequest& request, sync::v1::SearchMapRequest& out) {
  out.set_map(request.map);
  out.set_query(request.query);
  out.set_limit(request.limit);
  out.set_min_score(request.min_score);
  for (const std::string& key : request.keys) {
    out.mutable_keys()->append(key);
    out.add_key_lengths(static_cast<uint32_t>(key.size()));
  }
}

StatusOr<SearchHits> Decode(const sync::v1::SearchMapReply& reply) {
  const auto hits = std::make_shared<std::vector<SearchHit>>();
  std::string_view keys = reply.keys();
  if (reply.key_lengths_size() != reply.scores_size() ||
      reply.expiry_index_size() != reply.expires_ms_size()) {
    return Internal("malformed hits");
  }
  for (int i = 0; i < reply.key_lengths_size(); ++i) {
    const size_t length = reply.key_lengths(i);
    if (length > keys.size()) return Internal("malformed hits");
    hits->push_back({.key = std::string(keys.substr(0, length)), .score = reply.scores(i)});
    keys.remove_prefix(length);
  }
  for (int i = 0; i < reply.expiry_index_size(); ++i) {
    if (reply.expiry_index(i) >= hits->size()) return Internal("malformed hits");
    (*hits)[reply.expiry_index(i)].expires_ms = reply.expires_ms(i);
  }
  return SearchHits(hits);
}

}  // namespace

void GrpcMapSearcher::Search(SearchRequest request, Done done) {
  const auto call = std::make_shared<SearchCall>();
  Fill(request, call->request);
  calls_.Run(
      "SearchMap", "map/" + request.map,
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->SearchMap(
            &context, &call->request, &call->reply,
            [call, ended = std::move(ended)](const grpc::Status& status) {
              const Status failure = rpc::FromGrpc(status);
              if (IsFinal(failure)) call->refusal = failure;
              ended(IsFinal(failure) ? grpc::Status::OK : status);
            });
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        if (!call->refusal.ok()) return done(call->refusal);
        done(Decode(call->reply));
      });
}

}  // namespace topgun::gateway
