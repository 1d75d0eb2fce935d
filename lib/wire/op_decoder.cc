#include "op_decoder.h"

#include <cmath>
#include <string>

namespace topgun::wire {
namespace {

using Found = FrameReader::Found;
using Form = RecordField::Form;

// The fields of an operation before they are judged together; a later duplicate replaces all of
// an earlier one.
struct OpFields {
  bool is_remove = false;
  RecordField record;
  RecordField or_record;
  bool has_tag = false;
  std::string_view tag;
  TimestampField timestamp;
  Problem id_problem;
  Problem op_type_problem;
  Problem tag_problem;
  Problem concern_problem;
  Problem timeout_problem;
};

// Reads a string that may be absent.
bool ReadOptionalStr(FrameReader& reader, std::string_view* out, bool* present, Problem* problem) {
  *out = {};
  const Found found = reader.TryStr(out);
  *present = found == Found::kValue;
  *problem = {{}, found == Found::kOther ? kMustBeString : std::string_view()};
  return found != Found::kBroken;
}

bool ReadOpField(FrameReader& reader, std::string_view key, Op& op, OpFields& fields) {
  if (Is(key, "mapName")) return reader.Str("mapName", &op.map);
  if (Is(key, "key")) return reader.Str("key", &op.key);
  if (Is(key, "record")) return ReadRecord(reader, &fields.record);
  if (Is(key, "timestamp")) return ReadTimestamp(reader, &fields.timestamp);
  if (Is(key, "id")) return ReadOptionalStr(reader, &op.id, &op.has_id, &fields.id_problem);
  if (Is(key, "opType")) {
    std::string_view word;
    bool present = false;
    if (!ReadOptionalStr(reader, &word, &present, &fields.op_type_problem)) return false;
    fields.is_remove = word == "REMOVE";
    return true;
  }
  if (Is(key, "orRecord")) return ReadRecord(reader, &fields.or_record);
  if (Is(key, "orTag")) {
    fields.tag = {};
    const Found found = reader.TryStr(&fields.tag);
    fields.has_tag = found == Found::kValue || found == Found::kOther;
    fields.tag_problem = {{}, fields.has_tag ? TagProblem(found, fields.tag) : std::string_view()};
    return found != Found::kBroken;
  }
  if (Is(key, "writeConcern")) {
    return ReadWriteConcern(reader, &op.write_concern, &fields.concern_problem);
  }
  if (Is(key, "timeout")) return ReadTimeout(reader, &op.timeout_ms, &fields.timeout_problem);
  return reader.Skip();
}

// Gives the fields their meaning, and writes Op::error when one of those that matter is invalid.
class Judge {
 public:
  Judge(std::optional<uint32_t> index, const OpFields& fields, Op& op)
      : index_(index), fields_(fields), op_(op) {}

  // The first match of core.md 5.1 decides; `opType` names nothing but REMOVE. A nil orRecord
  // counts as absent.
  void Classify() {
    Report("id", fields_.id_problem);
    Report("opType", fields_.op_type_problem);
    Report("writeConcern", fields_.concern_problem);
    Report("timeout", fields_.timeout_problem);
    if (fields_.is_remove || fields_.record.form == Form::kNil) return Remove();
    if (fields_.or_record.form == Form::kMap || fields_.or_record.form == Form::kOther) {
      return OrAdd();
    }
    if (fields_.has_tag) return OrRemove();
    if (fields_.record.form == Form::kAbsent) {
      op_.kind = OpKind::kNothing;
      return;
    }
    Put();
  }

 private:
  void Report(std::string_view field, const Problem& problem) {
    if (problem.empty() || !op_.error.empty()) return;
    if (index_) op_.error.append("ops[").append(std::to_string(*index_)).append("].");
    op_.error.append(field).append(problem.path).append(": ").append(problem.text);
  }

  void TakeTimestamp(std::string_view field, const TimestampField& timestamp) {
    Report(field, timestamp.problem);
    op_.timestamp = timestamp.value;
    op_.has_timestamp = timestamp.present && timestamp.problem.empty();
  }

  void TakeRecord(std::string_view field, const RecordField& record) {
    if (record.form == Form::kOther) return Report(field, {{}, kMustBeMap});
    if (!record.timestamp.present) Report(field, {".timestamp", kRequired});
    TakeTimestamp(field == "record" ? "record.timestamp" : "orRecord.timestamp", record.timestamp);
    Report(field, record.ttl_problem);
    op_.value = record.value;
    op_.has_ttl = record.has_ttl;
    op_.ttl_ms = record.ttl_ms;
  }

  void Put() {
    TakeRecord("record", fields_.record);
    op_.kind = OpKind::kPut;
    // A nil value is a tombstone however the operation calls itself (core.md 4.1).
    if (op_.value.empty() && fields_.record.form == Form::kMap) MakeTombstone();
  }

  void Remove() {
    const RecordField& record = fields_.record;
    if (record.form == Form::kOther) Report("record", {{}, kMustBeMap});
    if (record.timestamp.present) {
      TakeTimestamp("record.timestamp", record.timestamp);
    } else {
      TakeTimestamp("timestamp", fields_.timestamp);
    }
    MakeTombstone();
  }

  void MakeTombstone() {
    op_.kind = OpKind::kRemove;
    op_.value = {};
    op_.has_ttl = false;
    op_.ttl_ms = 0;
  }

  void OrAdd() {
    op_.kind = OpKind::kOrAdd;
    TakeRecord("orRecord", fields_.or_record);
    if (fields_.or_record.form == Form::kMap) Report("orRecord", fields_.or_record.tag_problem);
    op_.tag = fields_.or_record.tag;
    if (op_.value.empty()) op_.value = kNil;
  }

  void OrRemove() {
    op_.kind = OpKind::kOrRemove;
    Report("orTag", fields_.tag_problem);
    op_.tag = fields_.tag;
    TakeTimestamp("timestamp", fields_.timestamp);
  }

  std::optional<uint32_t> index_;
  const OpFields& fields_;
  Op& op_;
};

}  // namespace

bool ReadOp(FrameReader& reader, std::optional<uint32_t> index, Op& out) {
  out = {};
  if (reader.Peek() != msgpack::Type::kMap) {
    return reader.Skip() && reader.Fail(DecodeError::kBadField, "op");
  }
  OpFields fields;
  const bool read =
      reader.Map([&](std::string_view key) { return ReadOpField(reader, key, out, fields); });
  if (!read || !reader.Require(out.map, "mapName") || !reader.Require(out.key, "key")) return false;
  Judge(index, fields, out).Classify();
  return true;
}

bool ReadWriteConcern(FrameReader& reader, std::optional<WriteConcern>* out, Problem* problem) {
  out->reset();
  *problem = {};
  std::string_view word;
  const Found found = reader.TryStr(&word);
  if (found == Found::kValue) *out = WriteConcernOf(word);
  if (found == Found::kOther) *problem = {{}, kMustBeString};
  if (found == Found::kValue && !*out) {
    *problem = {{}, "must be one of FIRE_AND_FORGET, MEMORY, APPLIED, REPLICATED, PERSISTED"};
  }
  return found != Found::kBroken;
}

bool ReadTimeout(FrameReader& reader, std::optional<double>* out, Problem* problem) {
  out->reset();
  *problem = {};
  double timeout_ms = 0;
  const Found found = reader.TryNumber(&timeout_ms);
  if (found == Found::kValue && std::isfinite(timeout_ms) && timeout_ms >= 0) {
    *out = timeout_ms;
  } else if (found == Found::kValue || found == Found::kOther) {
    *problem = {{}, "must be a finite number >= 0"};
  }
  return found != Found::kBroken;
}

}  // namespace topgun::wire
