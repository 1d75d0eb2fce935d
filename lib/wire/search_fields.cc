#include "search_fields.h"

#include "absent_fields.h"

namespace topgun::wire {
namespace {

using Found = FrameReader::Found;
using msgpack::Type;

// Whatever is wrong with an option is told in the answer: a client waits for one.
bool ReadOption(FrameReader& reader, std::string_view key, SearchFrame& frame) {
  if (Is(key, "limit")) {
    frame.limit.reset();
    int64_t limit = 0;
    const Found found = reader.TryWhole(kWholeMax, &limit);
    if (found == Found::kValue) frame.limit = limit;
    if (found == Found::kOther) frame.error = "options.limit: must be a whole number";
    return found != Found::kBroken;
  }
  if (Is(key, "minScore")) {
    frame.min_score.reset();
    double min_score = 0;
    const Found found = reader.TryNumber(&min_score);
    if (found == Found::kValue) frame.min_score = min_score;
    if (found == Found::kOther) frame.error = "options.minScore: must be a number";
    return found != Found::kBroken;
  }
  if (!Is(key, "boost")) return reader.Skip();
  frame.boost = {};
  return reader.TryRaw(&frame.boost) != Found::kBroken;
}

bool ReadOptions(FrameReader& reader, SearchFrame& frame) {
  frame.limit.reset();
  frame.min_score.reset();
  frame.boost = frame.error = {};
  switch (reader.Peek()) {
    case Type::kMap:
      return reader.Map([&](std::string_view key) { return ReadOption(reader, key, frame); });
    case Type::kNil:
      return reader.Skip();
    default:
      frame.error = "options: must be a map";
      return reader.Skip();
  }
}

bool ReadHitField(FrameReader& reader, std::string_view key, SearchHit& hit) {
  if (Is(key, "key")) return reader.Str("key", &hit.key);
  if (Is(key, "score")) return ReadNumber(reader, "score", &hit.score);
  if (Is(key, "matchedTerms")) return reader.Raw("matchedTerms", Type::kArray, &hit.matched_terms);
  return reader.Skip();
}

}  // namespace

void Clear(SearchFields& fields) { *fields.frame = {}; }

bool ReadField(FrameReader& reader, std::string_view key, SearchFields& fields) {
  SearchFrame& frame = *fields.frame;
  if (fields.live ? Is(key, "subscriptionId") : Is(key, "requestId")) {
    return reader.Str("id", &frame.id);
  }
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "query")) return reader.Str("query", &frame.query);
  if (Is(key, "options")) return ReadOptions(reader, frame);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SearchFields& fields) {
  return reader.Require(fields.frame->id, "id") && reader.Require(fields.frame->map, "mapName") &&
         reader.Require(fields.frame->query, "query");
}

bool ReadField(FrameReader& reader, std::string_view key, SearchUnsubFrame& frame) {
  if (Is(key, "subscriptionId")) return reader.Str("subscriptionId", &frame.subscription_id);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SearchUnsubFrame& frame) {
  return reader.Require(frame.subscription_id, "subscriptionId");
}

void Clear(SearchRespFrame& frame) {
  std::vector<SearchHit> hits = std::move(frame.results);
  hits.clear();
  frame = {};
  frame.results = std::move(hits);
}

bool ReadField(FrameReader& reader, std::string_view key, SearchRespFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "error")) return reader.Str("error", &frame.error);
  if (!Is(key, "results")) return reader.Skip();
  frame.results.clear();
  return reader.Array("results", [&](uint32_t) {
    SearchHit& hit = frame.results.emplace_back();
    return reader.Map("results",
                      [&](std::string_view field) { return ReadHitField(reader, field, hit); });
  });
}

bool Complete(FrameReader& reader, const SearchRespFrame& frame) {
  return reader.Require(frame.request_id, "requestId");
}

bool ReadField(FrameReader& reader, std::string_view key, SearchUpdateFrame& frame) {
  if (Is(key, "subscriptionId")) return reader.Str("subscriptionId", &frame.subscription_id);
  if (!Is(key, "changeType")) return ReadHitField(reader, key, frame.hit);
  std::string_view word;
  if (!reader.Str("changeType", &word)) return false;
  const std::optional<ChangeType> change = ChangeTypeOf(word);
  if (!change) return reader.Fail(DecodeError::kBadField, "changeType");
  frame.change = *change;
  return true;
}

bool Complete(FrameReader& reader, const SearchUpdateFrame& frame) {
  return reader.Require(frame.subscription_id, "subscriptionId") &&
         reader.Require(frame.hit.key, "key");
}

}  // namespace topgun::wire
