#include "record_reader.h"

#include <cmath>

namespace topgun::wire {

using Found = FrameReader::Found;
using Form = RecordField::Form;

namespace {

constexpr std::string_view kMustBeWhole = "must be a whole number >= 0";

std::string_view NodeIdProblem(std::string_view node_id) {
  if (node_id.empty()) return "must not be empty";
  if (node_id.find(':') != std::string_view::npos) return "must not contain ':'";
  return {};
}

// Reads `millis` or `counter`.
bool ReadClockPart(FrameReader& reader, std::string_view path, int64_t* out, Problem* problem) {
  *problem = {};
  switch (reader.TryWhole(kWholeMax, out)) {
    case Found::kValue:
      return true;
    case Found::kNil:
      *problem = {path, kRequired};
      return true;
    case Found::kOther:
      *problem = {path, kMustBeWhole};
      return true;
    case Found::kBroken:
      break;
  }
  return false;
}

bool ReadNodeId(FrameReader& reader, std::string_view* out, Problem* problem) {
  *problem = {};
  switch (reader.TryStr(out)) {
    case Found::kValue:
      *problem = {".nodeId", NodeIdProblem(*out)};
      return true;
    case Found::kNil:
      *problem = {".nodeId", kRequired};
      return true;
    case Found::kOther:
      *problem = {".nodeId", kMustBeString};
      return true;
    case Found::kBroken:
      break;
  }
  return false;
}

bool ReadTtl(FrameReader& reader, RecordField* out) {
  out->has_ttl = false;
  out->ttl_problem = {};
  double ttl_ms = 0;
  const Found found = reader.TryNumber(&ttl_ms);
  if (found == Found::kBroken) return false;
  if (found == Found::kNil || (found == Found::kValue && ttl_ms == 0)) return true;
  if (found == Found::kOther || !std::isfinite(ttl_ms) || ttl_ms < 0) {
    out->ttl_problem = {".ttlMs", "must be a finite number > 0"};
    return true;
  }
  out->has_ttl = true;
  out->ttl_ms = ttl_ms;
  return true;
}

bool IsValid(const RecordField& field) {
  return field.form == Form::kMap && field.timestamp.present && field.timestamp.problem.empty() &&
         field.ttl_problem.empty();
}

}  // namespace

std::string_view TagProblem(Found found, std::string_view tag) {
  if (found == Found::kOther) return kMustBeString;
  if (found == Found::kNil) return kRequired;
  return tag.empty() ? std::string_view("must not be empty") : std::string_view();
}

bool ReadTimestamp(FrameReader& reader, TimestampField* out) {
  *out = {};
  if (reader.Peek() == msgpack::Type::kNil) return reader.Skip();
  out->present = true;
  if (reader.Peek() != msgpack::Type::kMap) {
    out->problem = {{}, kMustBeMap};
    return reader.Skip();
  }
  Problem millis{".millis", kRequired};
  Problem counter{".counter", kRequired};
  Problem node_id{".nodeId", kRequired};
  const bool read = reader.Map([&](std::string_view key) {
    if (Is(key, "millis")) return ReadClockPart(reader, ".millis", &out->value.millis, &millis);
    if (Is(key, "counter")) return ReadClockPart(reader, ".counter", &out->value.counter, &counter);
    if (Is(key, "nodeId")) return ReadNodeId(reader, &out->value.node_id, &node_id);
    return reader.Skip();
  });
  for (const Problem& problem : {millis, counter, node_id}) {
    if (out->problem.empty()) out->problem = problem;
  }
  return read;
}

bool ReadRecord(FrameReader& reader, RecordField* out) {
  *out = {};
  if (reader.Peek() != msgpack::Type::kMap) {
    out->form = reader.Peek() == msgpack::Type::kNil ? Form::kNil : Form::kOther;
    return reader.Skip();
  }
  out->form = Form::kMap;
  out->tag_problem = {".tag", kRequired};
  return reader.Map([&](std::string_view key) {
    if (Is(key, "value")) {
      out->value = {};
      return reader.TryRaw(&out->value) != Found::kBroken;
    }
    if (Is(key, "timestamp")) return ReadTimestamp(reader, &out->timestamp);
    if (Is(key, "tag")) {
      out->tag = {};
      const Found found = reader.TryStr(&out->tag);
      out->tag_problem = {".tag", TagProblem(found, out->tag)};
      return found != Found::kBroken;
    }
    if (Is(key, "ttlMs")) return ReadTtl(reader, out);
    return reader.Skip();
  });
}

std::optional<LwwRecordView> ToLwwRecord(const RecordField& field) {
  if (!IsValid(field)) return std::nullopt;
  return LwwRecordView{field.value, field.timestamp.value, field.has_ttl, field.ttl_ms};
}

std::optional<crdt::OrRecordView> ToOrRecord(const RecordField& field) {
  if (!IsValid(field) || !field.tag_problem.empty()) return std::nullopt;
  return crdt::OrRecordView{field.value.empty() ? kNil : field.value, field.timestamp.value,
                            field.tag, field.has_ttl, field.ttl_ms};
}

bool ReadBuckets(FrameReader& reader, std::string_view field, std::vector<BucketHash>* out) {
  out->clear();
  return reader.Map(field, [&](std::string_view digit) {
    std::optional<uint32_t> hash;
    if (!reader.Uint32(field, &hash)) return false;
    out->push_back({digit, hash.value_or(0)});
    return true;
  });
}

bool OrEntryReader::ReadAll(FrameReader& reader, OrEntries* out, size_t* invalid_records) {
  out->Clear();
  *invalid_records = 0;
  return reader.Array("entries", [&](uint32_t) { return ReadEntry(reader, out, invalid_records); });
}

bool OrEntryReader::ReadEntry(FrameReader& reader, OrEntries* out, size_t* invalid_records) {
  records_.clear();
  tombstones_.clear();
  std::string_view entry_key;
  const bool read = reader.Map("entries", [&](std::string_view key) {
    if (Is(key, "key")) return reader.Str("key", &entry_key);
    if (Is(key, "records")) return ReadRecords(reader, invalid_records);
    if (Is(key, "tombstones")) return ReadTombstones(reader);
    return reader.Skip();
  });
  if (!read || !reader.Require(entry_key, "key")) return false;
  out->AddKey(entry_key);
  for (const crdt::OrRecordView& record : records_) out->AddRecord(record);
  for (const std::string_view tag : tombstones_) out->AddTombstone(tag);
  return true;
}

bool OrEntryReader::ReadRecords(FrameReader& reader, size_t* invalid_records) {
  records_.clear();
  return reader.Array("records", [&](uint32_t) {
    RecordField field;
    if (!ReadRecord(reader, &field)) return false;
    if (const auto record = ToOrRecord(field)) {
      records_.push_back(*record);
    } else {
      ++*invalid_records;
    }
    return true;
  });
}

bool OrEntryReader::ReadTombstones(FrameReader& reader) {
  tombstones_.clear();
  return reader.Array("tombstones", [&](uint32_t) {
    std::string_view tag;
    if (!reader.Str("tombstones", &tag)) return false;
    if (!tag.empty()) tombstones_.push_back(tag);
    return true;
  });
}

}  // namespace topgun::wire
