#include "encode.h"
#include "wire/search_frame.h"

namespace topgun::wire {
namespace {

using msgpack::Rendering;
using msgpack::Writer;

// SEARCH_UPDATE.payload: subscriptionId in the prefix, those of a hit and changeType in the suffix.
constexpr uint32_t kHitFields = 4;
constexpr uint32_t kSearchUpdateFields = 1 + kHitFields + 1;

void WriteHit(Writer& writer, const SearchHit& hit) {
  WriteStr(writer, "key", hit.key);
  writer.Str("value");
  writer.Nil();
  writer.Str("score");
  writer.Float64(hit.score);
  writer.Str("matchedTerms");
  if (hit.matched_terms.empty()) {
    writer.ArrayHeader(0);
  } else {
    writer.Raw(hit.matched_terms);
  }
}

void EncodeRequest(FrameType type, std::string_view id_field, const SearchFrame& frame,
                   std::string& out) {
  const uint32_t options = CountOf(frame.limit, frame.min_score) + (frame.boost.empty() ? 0U : 1U);
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, type, options == 0 ? 3 : 4);
  WriteStr(writer, id_field, frame.id);
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "query", frame.query);
  if (options == 0) return;
  writer.Str("options");
  writer.MapHeader(options);
  WriteInt(writer, "limit", frame.limit);
  if (frame.min_score) WriteNumber(writer, "minScore", *frame.min_score);
  if (frame.boost.empty()) return;
  writer.Str("boost");
  writer.Raw(frame.boost);
}

}  // namespace

void EncodeSearch(const SearchFrame& frame, std::string& out) {
  EncodeRequest(FrameType::kSearch, "requestId", frame, out);
}

void EncodeSearchSub(const SearchFrame& frame, std::string& out) {
  EncodeRequest(FrameType::kSearchSub, "subscriptionId", frame, out);
}

void EncodeSearchUnsub(const SearchUnsubFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kSearchUnsub, 1);
  WriteStr(writer, "subscriptionId", frame.subscription_id);
}

void EncodeSearchResp(const SearchRespFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kSearchResp, 3 + CountOf(frame.error));
  WriteStr(writer, "requestId", frame.request_id);
  writer.Str("results");
  writer.ArrayHeader(static_cast<uint32_t>(frame.results.size()));
  for (const SearchHit& hit : frame.results) {
    writer.MapHeader(kHitFields);
    WriteHit(writer, hit);
  }
  WriteInt(writer, "totalCount", static_cast<int64_t>(frame.results.size()));
  WriteStr(writer, "error", frame.error);
}

void EncodeSearchUpdatePrefix(std::string_view subscription_id, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kSearchUpdate, kSearchUpdateFields);
  WriteStr(writer, "subscriptionId", subscription_id);
}

void EncodeSearchUpdateSuffix(const SearchHit& hit, ChangeType change, std::string& out) {
  Writer writer(out);
  WriteHit(writer, hit);
  WriteStr(writer, "changeType", Name(change));
}

void EncodeSearchUpdate(const SearchUpdateFrame& frame, std::string& out) {
  EncodeSearchUpdatePrefix(frame.subscription_id, out);
  EncodeSearchUpdateSuffix(frame.hit, frame.change, out);
}

}  // namespace topgun::wire
