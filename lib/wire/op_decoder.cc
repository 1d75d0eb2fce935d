#include "op_decoder.h"

#include <string>

namespace topgun::wire {
namespace {

using Found = FrameReader::Found;
using Form = RecordField::Form;

// The fields of an operation before they are judged together; a later duplicate replaces all of
// an earlier one.
struct OpFields {
  bool is_remove = false;
  std::optional<RecordField> record;
  std::optional<RecordField> or_record;
  bool has_tag = false;
  std::string_view tag;
  // Looked into only for the operations that have no other one: the client library sends it with
  // all of them.
  std::string_view timestamp;  // MessagePack
  // What is wrong with which field; mostly empty.
  std::string_view id_problem;
  std::string_view op_type_problem;
  std::string_view tag_problem;
  std::string_view concern_problem;
  std::string_view timeout_problem;
};

Form FormOf(const std::optional<RecordField>& record) {
  return record ? record->form : Form::kAbsent;
}

// Reads a string that may be absent.
bool ReadOptionalStr(FrameReader& reader, std::string_view* out, bool* present,
                     std::string_view* problem) {
  *out = {};
  const Found found = reader.TryStr(out);
  *present = found == Found::kValue;
  *problem = found == Found::kOther ? kMustBeString : std::string_view();
  return found != Found::kBroken;
}

bool ReadOpType(FrameReader& reader, OpFields& fields) {
  std::string_view word;
  bool present = false;
  if (!ReadOptionalStr(reader, &word, &present, &fields.op_type_problem)) return false;
  fields.is_remove = word == "REMOVE";
  return true;
}

bool ReadOrTag(FrameReader& reader, OpFields& fields) {
  fields.tag = {};
  const Found found = reader.TryStr(&fields.tag);
  fields.has_tag = found == Found::kValue || found == Found::kOther;
  fields.tag_problem = fields.has_tag ? TagProblem(found, fields.tag) : std::string_view();
  return found != Found::kBroken;
}

bool ReadSlice(FrameReader& reader, std::string_view* out) {
  const size_t begin = reader.position();
  if (!reader.Skip()) return false;
  *out = reader.SliceFrom(begin);
  return true;
}

// By length first: a chain of comparisons would be walked to its end for the last keys.
bool ReadOpField(FrameReader& reader, std::string_view key, Op& op, OpFields& fields) {
  switch (key.size()) {
    case 2:
      if (!Is(key, "id")) break;
      return ReadOptionalStr(reader, &op.id, &op.has_id, &fields.id_problem);
    case 3:
      if (Is(key, "key")) return reader.Str("key", &op.key);
      break;
    case 5:
      if (Is(key, "orTag")) return ReadOrTag(reader, fields);
      break;
    case 6:
      if (Is(key, "record")) return ReadRecord(reader, &fields.record.emplace());
      if (Is(key, "opType")) return ReadOpType(reader, fields);
      break;
    case 7:
      if (Is(key, "mapName")) return reader.Str("mapName", &op.map);
      if (Is(key, "timeout")) return ReadTimeout(reader, &op.timeout_ms, &fields.timeout_problem);
      break;
    case 8:
      if (Is(key, "orRecord")) return ReadRecord(reader, &fields.or_record.emplace());
      break;
    case 9:
      if (Is(key, "timestamp")) return ReadSlice(reader, &fields.timestamp);
      break;
    case 12:
      if (!Is(key, "writeConcern")) break;
      return ReadWriteConcern(reader, &op.write_concern, &fields.concern_problem);
    default:
      break;
  }
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
    const Form record = FormOf(fields_.record);
    const Form or_record = FormOf(fields_.or_record);
    if (fields_.is_remove || record == Form::kNil) return Remove();
    if (or_record == Form::kMap || or_record == Form::kOther) return OrAdd(*fields_.or_record);
    if (fields_.has_tag) return OrRemove();
    if (record == Form::kAbsent) {
      op_.kind = OpKind::kNothing;
      return;
    }
    Put(*fields_.record);
  }

 private:
  void Report(std::string_view field, const Problem& problem) {
    if (!problem.empty()) Write(field, problem);
  }
  void Report(std::string_view field, std::string_view problem) {
    if (!problem.empty()) Write(field, {{}, problem});
  }
  void Write(std::string_view field, const Problem& problem) {
    if (!op_.error.empty()) return;
    if (index_) op_.error.append("ops[").append(std::to_string(*index_)).append("].");
    op_.error.append(field).append(problem.path).append(": ").append(problem.text);
  }

  void TakeTimestamp(std::string_view field, const TimestampField& timestamp) {
    Report(field, timestamp.problem);
    op_.timestamp = timestamp.value;
    op_.has_timestamp = timestamp.present && timestamp.problem.empty();
  }

  // The operation's own timestamp.
  void TakeTimestamp() {
    TimestampField timestamp;
    if (!fields_.timestamp.empty()) {
      FrameReader reader(fields_.timestamp);  // known to be well formed
      ReadTimestamp(reader, &timestamp);
    }
    TakeTimestamp("timestamp", timestamp);
  }

  void TakeRecord(bool is_or, const RecordField& record) {
    const std::string_view field = is_or ? "orRecord" : "record";
    if (record.form == Form::kOther) return Report(field, kMustBeMap);
    if (!record.timestamp.present) Report(field, {".timestamp", kRequired});
    TakeTimestamp(is_or ? "orRecord.timestamp" : "record.timestamp", record.timestamp);
    Report(field, record.ttl_problem);
    Report(field, record.value_problem);
    op_.value = record.value;
    op_.has_ttl = record.has_ttl;
    op_.ttl_ms = record.ttl_ms;
  }

  void Put(const RecordField& record) {
    TakeRecord(false, record);
    op_.kind = OpKind::kPut;
    // A nil value is a tombstone however the operation calls itself (core.md 4.1).
    if (op_.value.empty() && record.form == Form::kMap) MakeTombstone();
  }

  void Remove() {
    if (FormOf(fields_.record) == Form::kOther) Report("record", kMustBeMap);
    if (fields_.record && fields_.record->timestamp.present) {
      TakeTimestamp("record.timestamp", fields_.record->timestamp);
    } else {
      TakeTimestamp();
    }
    MakeTombstone();
  }

  void MakeTombstone() {
    op_.kind = OpKind::kRemove;
    op_.value = {};
    op_.has_ttl = false;
    op_.ttl_ms = 0;
  }

  void OrAdd(const RecordField& record) {
    op_.kind = OpKind::kOrAdd;
    TakeRecord(true, record);
    if (record.form == Form::kMap) Report("orRecord", record.tag_problem);
    op_.tag = record.tag;
    if (op_.value.empty()) op_.value = kNil;
  }

  void OrRemove() {
    op_.kind = OpKind::kOrRemove;
    Report("orTag", fields_.tag_problem);
    op_.tag = fields_.tag;
    TakeTimestamp();
  }

  std::optional<uint32_t> index_;
  const OpFields& fields_;
  Op& op_;
};

}  // namespace

bool ReadOp(FrameReader& reader, std::optional<uint32_t> index, Op& out) {
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

bool ReadWriteConcern(FrameReader& reader, std::optional<WriteConcern>* out,
                      std::string_view* problem) {
  out->reset();
  *problem = {};
  std::string_view word;
  const Found found = reader.TryStr(&word);
  if (found == Found::kValue) *out = WriteConcernOf(word);
  if (found == Found::kOther) *problem = kMustBeString;
  if (found == Found::kValue && !*out) {
    *problem = "must be one of FIRE_AND_FORGET, MEMORY, APPLIED, REPLICATED, PERSISTED";
  }
  return found != Found::kBroken;
}

bool ReadTimeout(FrameReader& reader, std::optional<double>* out, std::string_view* problem) {
  out->reset();
  *problem = {};
  double timeout_ms = 0;
  const Found found = reader.TryNumber(&timeout_ms);
  if (found == Found::kValue) *out = timeout_ms;
  if (found == Found::kOther) *problem = "must be a number";
  return found != Found::kBroken;
}

}  // namespace topgun::wire
