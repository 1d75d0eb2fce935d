// From a client's search to a request of ours, and from hits to the frames that clients get
// (features.md 7). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "access/access.h"
#include "base/status.h"
#include "search/search_io.h"
#include "wire/op.h"
#include "wire/search_frame.h"

namespace topgun::gateway {

inline constexpr uint32_t kSearchLimitDefault = 10;
inline constexpr uint32_t kSearchLimitMax = 1'000;

// INVALID_ARGUMENT says what is wrong with it.
StatusOr<SearchRequest> RequestOf(const wire::SearchFrame& frame, const wire::OpLimits& limits);

// What all hits of a query say as `matchedTerms`, in MessagePack.
std::string EncodeMatchedTerms(std::string_view query);

std::string SearchResults(std::string_view id, const std::vector<SearchHit>& hits,
                          std::string_view matched_terms);
std::string SearchFailure(std::string_view id, std::string_view error);

// Why a map may not be searched.
std::string SearchDenial(Decision decision, std::string_view map);
// What a client is told of a search that has failed.
std::string SearchProblem(const Status& status, std::string_view map);

}  // namespace topgun::gateway
