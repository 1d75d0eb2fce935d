#include "search/search_answers.h"

#include <algorithm>

#include "msgpack/writer.h"
#include "search/search_query.h"
#include "search/tokens.h"

namespace topgun::gateway {

StatusOr<SearchRequest> RequestOf(const wire::SearchFrame& frame, const wire::OpLimits& limits) {
  if (!frame.error.empty()) return InvalidArgument(frame.error);
  const std::string problem = wire::ValidateMapName(frame.map, limits);
  if (!problem.empty()) return InvalidArgument(problem);
  if (frame.query.size() > search::SearchQuery::kBytesMax) {
    return InvalidArgument("query: too long");
  }
  SearchRequest request;
  request.map.assign(frame.map);
  request.query.assign(frame.query);
  const int64_t limit = std::min<int64_t>(frame.limit.value_or(0), kSearchLimitMax);
  request.limit = limit == 0 ? kSearchLimitDefault : static_cast<uint32_t>(limit);
  request.min_score = frame.min_score.value_or(0);
  return request;
}

std::string EncodeMatchedTerms(std::string_view query) {
  const std::vector<std::string> terms = search::MatchedTerms(query);
  std::string encoded;
  msgpack::Writer writer(encoded);
  writer.ArrayHeader(static_cast<uint32_t>(terms.size()));
  for (const std::string& term : terms) writer.Str(term);
  return encoded;
}

std::string SearchResults(std::string_view id, const std::vector<SearchHit>& hits,
                          std::string_view matched_terms) {
  wire::SearchRespFrame frame;
  frame.request_id = id;
  frame.results.reserve(hits.size());
  for (const SearchHit& hit : hits) {
    frame.results.push_back({.key = hit.key, .score = hit.score, .matched_terms = matched_terms});
  }
  std::string out;
  wire::EncodeSearchResp(frame, out);
  return out;
}

std::string SearchFailure(std::string_view id, std::string_view error) {
  wire::SearchRespFrame frame;
  frame.request_id = id;
  frame.error = error;
  std::string out;
  wire::EncodeSearchResp(frame, out);
  return out;
}

std::string SearchDenial(Decision decision, std::string_view map) {
  const std::string_view why = decision == Decision::kUnknown
                                   ? "access policies are not known yet, map cannot be searched: "
                                   : "Access denied for map: ";
  return std::string(why).append(map);
}

std::string SearchProblem(const Status& status, std::string_view map) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kResourceExhausted:
      return std::string(Message(status));
    default:
      return std::string("map cannot be searched at the moment: ").append(map);
  }
}

}  // namespace topgun::gateway
