#include "search/search_calls.h"

#include <bit>
#include <cstdint>
#include <utility>

#include "base/bytes.h"

namespace topgun::gateway {
namespace {

std::string NameOf(const SearchRequest& request) {
  std::string name;
  AppendBytes(name, request.map);
  AppendBytes(name, request.query);
  AppendVarint(name, request.limit);
  AppendVarint(name, std::bit_cast<uint64_t>(request.min_score));
  return name;
}

}  // namespace

void SearchCalls::Ask(const SearchRequest& request, MapSearcher::Done done) {
  const std::string name = NameOf(request);
  const auto [found, is_new] = on_their_way_.try_emplace(name);
  if (!is_new) {
    found->second.push_back(std::move(done));
    return;
  }
  Waiting asked;
  asked.push_back(std::move(done));
  Begin(name, request, std::move(asked));
}

void SearchCalls::Begin(const std::string& name, const SearchRequest& request, Waiting asked) {
  probe_.Called();
  searcher_.Search(
      request, [this, name, request, asked = std::move(asked)](const StatusOr<SearchHits>& answer) {
        for (const MapSearcher::Done& done : asked) done(answer);
        const auto found = on_their_way_.find(name);
        Waiting next = std::move(found->second);
        if (next.empty()) {
          on_their_way_.erase(found);
        } else {
          found->second.clear();
          Begin(name, request, std::move(next));
        }
      });
}

}  // namespace topgun::gateway
