#include "record_reader.h"

#include <cmath>

namespace topgun::wire {

using Found = FrameReader::Found;
using Form = RecordField::Form;

namespace {

// What is wrong with a part of a timestamp. One byte, because there are three per timestamp and
// hardly ever anything is.
enum class PartProblem : uint8_t { kNone, kRequired, kMustBeWhole, kMustBeString, kEmpty, kColon };

std::string_view TextOf(PartProblem problem) {
  switch (problem) {
    case PartProblem::kNone:
      break;
    case PartProblem::kRequired:
      return kRequired;
    case PartProblem::kMustBeWhole:
      return "must be a whole number >= 0";
    case PartProblem::kMustBeString:
      return kMustBeString;
    case PartProblem::kEmpty:
      return "must not be empty";
    case PartProblem::kColon:
      return "must not contain ':'";
  }
  return {};
}

// A later duplicate of a part replaces what an earlier one said.
struct TimestampParts {
  PartProblem millis = PartProblem::kRequired;
  PartProblem counter = PartProblem::kRequired;
  PartProblem node_id = PartProblem::kRequired;

  bool good() const {
    return millis == PartProblem::kNone && counter == PartProblem::kNone &&
           node_id == PartProblem::kNone;
  }
  Problem First() const {
    if (millis != PartProblem::kNone) return {".millis", TextOf(millis)};
    if (counter != PartProblem::kNone) return {".counter", TextOf(counter)};
    return {".nodeId", TextOf(node_id)};
  }
};

PartProblem ProblemOf(Found found, PartProblem other) {
  if (found == Found::kValue) return PartProblem::kNone;
  return found == Found::kNil ? PartProblem::kRequired : other;
}

// Reads `millis` or `counter`.
bool ReadClockPart(FrameReader& reader, int64_t* out, PartProblem* problem) {
  const Found found = reader.TryWhole(kWholeMax, out);
  *problem = ProblemOf(found, PartProblem::kMustBeWhole);
  return found != Found::kBroken;
}

bool ReadNodeId(FrameReader& reader, std::string_view* out, PartProblem* problem) {
  const Found found = reader.TryStr(out);
  *problem = ProblemOf(found, PartProblem::kMustBeString);
  if (found == Found::kValue) {
    if (out->empty()) *problem = PartProblem::kEmpty;
    if (out->find(':') != std::string_view::npos) *problem = PartProblem::kColon;
  }
  return found != Found::kBroken;
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

// A value that other clients cannot decode would make them drop every frame it comes with.
bool ReadValue(FrameReader& reader, RecordField* out) {
  out->value = {};
  out->value_problem = {};
  bool portable = true;
  if (reader.TryRaw(&out->value, &portable) == Found::kBroken) return false;
  if (!portable) out->value_problem = {".value", "must hold no extensions and only string keys"};
  return true;
}

bool IsValid(const RecordField& field) {
  return field.form == Form::kMap && field.timestamp.present && field.timestamp.problem.empty() &&
         field.ttl_problem.empty() && field.value_problem.empty();
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
  TimestampParts parts;
  const bool read = reader.Map([&](std::string_view key) {
    if (Is(key, "millis")) return ReadClockPart(reader, &out->value.millis, &parts.millis);
    if (Is(key, "counter")) return ReadClockPart(reader, &out->value.counter, &parts.counter);
    if (Is(key, "nodeId")) return ReadNodeId(reader, &out->value.node_id, &parts.node_id);
    return reader.Skip();
  });
  if (!parts.good()) out->problem = parts.First();
  return read;
}

bool ReadRecord(FrameReader& reader, RecordField* out) {
  if (reader.Peek() != msgpack::Type::kMap) {
    out->form = reader.Peek() == msgpack::Type::kNil ? Form::kNil : Form::kOther;
    return reader.Skip();
  }
  out->form = Form::kMap;
  out->tag_problem = {".tag", kRequired};
  return reader.Map([&](std::string_view key) {
    if (Is(key, "value")) return ReadValue(reader, out);
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
