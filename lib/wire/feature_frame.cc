#include "wire/feature_frame.h"

#include <array>

#include "encode.h"
#include "feature_fields.h"

namespace topgun::wire {
namespace {

using msgpack::Writer;

constexpr std::string_view kNoProcessing = "Entry processing not available: WASM sandbox required";
constexpr std::string_view kNoResolvers = "Conflict resolvers not available: WASM sandbox required";
constexpr std::string_view kNoSql = "SQL is not available: this server has no SQL engine";
constexpr std::string_view kNoSqlCode = "FEATURE_DISABLED";
constexpr std::string_view kNoSearch = "not implemented: search";

struct Feature {
  FrameType type;
  std::string_view service;      // by the names of features.md 13.3
  std::string_view id = {};      // the field that an answer names; empty: none
  std::string_view answer = {};  // its type
};

constexpr std::array kFeatures = {
    Feature{FrameType::kEntryProcess, "persistence", "requestId", "ENTRY_PROCESS_RESPONSE"},
    Feature{FrameType::kEntryProcessBatch, "persistence", "requestId",
            "ENTRY_PROCESS_BATCH_RESPONSE"},
    Feature{FrameType::kRegisterResolver, "persistence", "requestId", "REGISTER_RESOLVER_RESPONSE"},
    Feature{FrameType::kUnregisterResolver, "persistence", "requestId",
            "UNREGISTER_RESOLVER_RESPONSE"},
    Feature{FrameType::kListResolvers, "persistence", "requestId", "LIST_RESOLVERS_RESPONSE"},
    Feature{FrameType::kVectorSearch, "search", "id", "VECTOR_SEARCH_RESP"},
    Feature{FrameType::kHybridSearch, "search", "requestId", "HYBRID_SEARCH_RESP"},
    Feature{FrameType::kHybridSearchSub, "search", "subscriptionId", "HYBRID_SEARCH_RESP"},
    Feature{FrameType::kSqlQuery, "query", "queryId", "SQL_QUERY_RESP"},
};

const Feature& FeatureOf(FrameType type) {
  for (const Feature& feature : kFeatures) {
    if (feature.type == type) return feature;
  }
  return kFeatures.front();  // not a feature frame
}

void BeginFlatAnswer(Writer& writer, const Feature& feature, uint32_t fields) {
  writer.MapHeader(1 + fields);
  WriteStr(writer, "type", feature.answer);
}

void BeginWrappedAnswer(Writer& writer, const Feature& feature, uint32_t fields) {
  BeginFlatAnswer(writer, feature, 1);
  writer.Str("payload");
  writer.MapHeader(fields);
}

void WriteEmptyArray(Writer& writer, std::string_view key) {
  writer.Str(key);
  writer.ArrayHeader(0);
}

void WriteFailure(Writer& writer, std::string_view error) {
  writer.Str("success");
  writer.Bool(false);
  WriteStr(writer, "error", error);
}

void EncodeFailure(const Feature& feature, std::string_view id, std::string_view error,
                   std::string& out) {
  Writer writer(out);
  BeginFlatAnswer(writer, feature, 3);
  WriteStr(writer, "requestId", id);
  WriteFailure(writer, error);
}

void EncodeProcessBatch(const Feature& feature, const FeatureFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlatAnswer(writer, feature, 2);
  WriteStr(writer, "requestId", frame.id);
  writer.Str("results");
  writer.MapHeader(static_cast<uint32_t>(frame.keys.size()));
  for (const std::string_view key : frame.keys) {
    writer.Str(key);
    writer.MapHeader(2);
    WriteFailure(writer, kNoProcessing);
  }
}

void EncodeNoResolvers(const Feature& feature, std::string_view id, std::string& out) {
  Writer writer(out);
  BeginFlatAnswer(writer, feature, 2);
  WriteStr(writer, "requestId", id);
  WriteEmptyArray(writer, "resolvers");
}

// `counts` are the fields beside id, results and error.
void EncodeNoHits(const Feature& feature, std::string_view id,
                  std::initializer_list<std::string_view> counts, std::string& out) {
  Writer writer(out);
  BeginWrappedAnswer(writer, feature, 3 + static_cast<uint32_t>(counts.size()));
  WriteStr(writer, feature.type == FrameType::kVectorSearch ? "id" : "requestId", id);
  WriteEmptyArray(writer, "results");
  for (const std::string_view count : counts) WriteInt(writer, count, int64_t{0});
  WriteStr(writer, "error", kNoSearch);
}

void EncodeNoSql(const Feature& feature, std::string_view id, std::string& out) {
  Writer writer(out);
  BeginWrappedAnswer(writer, feature, 5);
  WriteStr(writer, "queryId", id);
  WriteEmptyArray(writer, "columns");
  WriteEmptyArray(writer, "rows");
  WriteStr(writer, "error", kNoSql);
  WriteStr(writer, "code", kNoSqlCode);
}

}  // namespace

std::string_view ServiceOf(FrameType type) { return FeatureOf(type).service; }

bool EncodeFeatureAnswer(FrameType type, const FeatureFrame& frame, std::string& out) {
  const Feature& feature = FeatureOf(type);
  switch (type) {
    case FrameType::kEntryProcess:
      EncodeFailure(feature, frame.id, kNoProcessing, out);
      return true;
    case FrameType::kEntryProcessBatch:
      if (frame.too_many_keys) return false;
      EncodeProcessBatch(feature, frame, out);
      return true;
    case FrameType::kRegisterResolver:
    case FrameType::kUnregisterResolver:
      EncodeFailure(feature, frame.id, kNoResolvers, out);
      return true;
    case FrameType::kListResolvers:
      EncodeNoResolvers(feature, frame.id, out);
      return true;
    case FrameType::kVectorSearch:
      EncodeNoHits(feature, frame.id, {"totalCandidates", "searchTimeMs"}, out);
      return true;
    case FrameType::kHybridSearch:
    case FrameType::kHybridSearchSub:
      EncodeNoHits(feature, frame.id, {"searchTimeMs"}, out);
      return true;
    case FrameType::kSqlQuery:
      EncodeNoSql(feature, frame.id, out);
      return true;
    default:
      return false;
  }
}

bool IsFlatFeature(FrameType type) {
  return type >= FrameType::kEntryProcess && type <= FrameType::kListResolvers;
}

void Clear(FeatureFields& fields) {
  fields.frame->id = {};
  fields.frame->keys.clear();
  fields.frame->too_many_keys = false;
}

bool ReadField(FrameReader& reader, std::string_view key, FeatureFields& fields) {
  FeatureFrame& frame = *fields.frame;
  if (key == FeatureOf(fields.type).id) return reader.Str("id", &frame.id);
  if (fields.type != FrameType::kEntryProcessBatch || !Is(key, "keys")) return reader.Skip();
  frame.keys.clear();
  frame.too_many_keys = false;
  return reader.Array("keys", [&](uint32_t index) {
    frame.too_many_keys = index >= kFeatureKeysMax;
    if (frame.too_many_keys) return reader.Skip();
    return reader.Str("keys", &frame.keys.emplace_back());
  });
}

bool Complete(FrameReader& reader, const FeatureFields& fields) {
  return FeatureOf(fields.type).id.empty() || reader.Require(fields.frame->id, "id");
}

}  // namespace topgun::wire
