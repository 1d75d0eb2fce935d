// Full-text search: what clients ask and servers answer (features.md 7). The structs serve both
// directions and borrow from whatever they were filled from. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/change_type.h"

namespace topgun::wire {

// SEARCH and SEARCH_SUB.
struct SearchFrame {
  std::string_view id = {};  // requestId or subscriptionId
  std::string_view map = {};
  std::string_view query = {};
  std::optional<int64_t> limit = {};
  std::optional<double> min_score = {};
  std::string_view boost = {};  // MessagePack; empty: absent
  // Not empty: an option is invalid, so the search is to be refused.
  std::string_view error = {};
};

struct SearchUnsubFrame {
  std::string_view subscription_id;
};

struct SearchHit {
  std::string_view key;
  double score = 0;
  std::string_view matched_terms = {};  // MessagePack array; empty: one without elements
};

// `totalCount` is the number of results, `value` of each is nil.
struct SearchRespFrame {
  std::string_view request_id;
  std::vector<SearchHit> results;
  std::optional<std::string_view> error;
};

struct SearchUpdateFrame {
  std::string_view subscription_id;
  SearchHit hit;
  ChangeType change = ChangeType::kEnter;
};

// What clients send, byte for byte as the TypeScript client renders it.
void EncodeSearch(const SearchFrame& frame, std::string& out);
void EncodeSearchSub(const SearchFrame& frame, std::string& out);
void EncodeSearchUnsub(const SearchUnsubFrame& frame, std::string& out);

// What servers send.
void EncodeSearchResp(const SearchRespFrame& frame, std::string& out);
// A SEARCH_UPDATE is its subscription's prefix followed by the change's suffix, as QUERY_UPDATE.
void EncodeSearchUpdatePrefix(std::string_view subscription_id, std::string& out);
void EncodeSearchUpdateSuffix(const SearchHit& hit, ChangeType change, std::string& out);
void EncodeSearchUpdate(const SearchUpdateFrame& frame, std::string& out);

}  // namespace topgun::wire
