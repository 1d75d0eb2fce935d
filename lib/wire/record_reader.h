// Reads the records of both map types and the parts built from them. Private to lib/wire.
//
// Two kinds of failure: a false return means the frame cannot be read and is dropped; a Problem
// means the value can be read but not accepted, and the sender is told.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "frame_reader.h"
#include "wire/records.h"

namespace topgun::wire {

// What is wrong with a value and where, both static text. `path` continues the path of the value:
// ".millis" within a timestamp.
struct Problem {
  std::string_view path;
  std::string_view text;

  bool empty() const { return text.empty(); }
};

inline constexpr std::string_view kRequired = "is required";
inline constexpr std::string_view kMustBeMap = "must be a map";
inline constexpr std::string_view kMustBeString = "must be a string";

// What is wrong with a tag that was looked for with TryStr(); empty text if nothing.
std::string_view TagProblem(FrameReader::Found found, std::string_view tag);

struct TimestampField {
  bool present = false;
  crdt::TimestampView value;
  Problem problem;
};

// A record of either map type, as far as it was present.
struct RecordField {
  enum class Form : uint8_t { kAbsent, kNil, kMap, kOther };

  Form form = Form::kAbsent;
  std::string_view value;  // empty for nil and absent
  TimestampField timestamp;
  std::string_view tag;
  bool has_ttl = false;
  double ttl_ms = 0;
  Problem tag_problem;
  Problem ttl_problem;
  Problem value_problem;
};

// MessagePack nil: the value of an OR record that has none.
inline constexpr std::string_view kNil = "\xc0";

bool ReadTimestamp(FrameReader& reader, TimestampField* out);
// Fills a fresh `out`.
bool ReadRecord(FrameReader& reader, RecordField* out);

// The record, if it is complete and valid.
std::optional<LwwRecordView> ToLwwRecord(const RecordField& field);
std::optional<crdt::OrRecordView> ToOrRecord(const RecordField& field);

bool ReadBuckets(FrameReader& reader, std::string_view field, std::vector<BucketHash>* out);

// Reads arrays of {key, records, tombstones}. Keeps buffers, because the key may come last.
class OrEntryReader {
 public:
  // Replaces `out`. Invalid records are left out and counted.
  bool ReadAll(FrameReader& reader, OrEntries* out, size_t* invalid_records);

 private:
  bool ReadEntry(FrameReader& reader, OrEntries* out, size_t* invalid_records);
  bool ReadRecords(FrameReader& reader, size_t* invalid_records);
  bool ReadTombstones(FrameReader& reader);

  std::vector<crdt::OrRecordView> records_;
  std::vector<std::string_view> tombstones_;
};

}  // namespace topgun::wire
