#include "http/sync_deltas.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "state/cell.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kPageMark = "page-";
constexpr size_t kRecordOverhead = 128;  // encoded timestamp and names

struct Record {
  int64_t commit_ms = 0;
  size_t bytes = 0;
  wire::SyncDeltaRecord record;
};

std::vector<Record> RecordsOf(const TreeAnswer::Node& node) {
  std::vector<Record> records;
  records.reserve(node.cells.size());
  for (const TreeAnswer::Cell& cell : node.cells) {
    state::CellView view;
    if (!state::DecodeCell(cell.cell, &view)) continue;
    records.push_back({.commit_ms = view.commit_ms,
                       .bytes = cell.key.size() + view.value.size() + kRecordOverhead,
                       .record = {.key = cell.key,
                                  .record = {.value = view.value,
                                             .timestamp = view.timestamp,
                                             .has_ttl = view.has_ttl,
                                             .ttl_ms = view.ttl_ms}}});
  }
  return records;
}

// How many of the records, ordered by commit time, go into one page: all of a millisecond or none,
// so that the next page can begin with the next one.
size_t PageSize(const std::vector<Record>& records, size_t bytes_max) {
  size_t bytes = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    const bool boundary = i > 0 && records[i].commit_ms != records[i - 1].commit_ms;
    if (boundary && bytes > bytes_max) return i;
    bytes += records[i].bytes;
  }
  return records.size();
}

}  // namespace

DeltaStart DeltaStartOf(const crdt::TimestampView& last_sync, int64_t now_ms) {
  DeltaStart start{.since_ms = 0, .epoch_ms = now_ms, .continued = false};
  const std::string_view node = last_sync.node_id;
  if (node.starts_with(kPageMark)) {
    int64_t epoch = 0;
    const char* const end = node.data() + node.size();
    const auto parsed = std::from_chars(node.data() + kPageMark.size(), end, epoch);
    if (parsed.ec == std::errc() && parsed.ptr == end && epoch > 0 && epoch <= now_ms) {
      return {.since_ms = last_sync.millis, .epoch_ms = epoch, .continued = true};
    }
  }
  const int64_t last = std::min(last_sync.millis, now_ms);
  if (last > kDeltaOverlapMs) start.since_ms = last - kDeltaOverlapMs;
  return start;
}

bool IsBeyondHorizon(const DeltaStart& start, int64_t horizon_ms) {
  return !start.continued && start.since_ms > 0 && start.since_ms <= horizon_ms;
}

Delta MakeDelta(std::string_view map, const TreeAnswer& answer, const DeltaStart& start,
                std::string_view node_id, size_t bytes_max) {
  Delta result;
  result.delta.map = map;
  result.delta.server_sync_timestamp.millis = start.epoch_ms;
  result.node_id = node_id;
  if (answer.nodes.empty()) return result;
  std::vector<Record> records = RecordsOf(answer.nodes.front());
  std::stable_sort(records.begin(), records.end(),
                   [](const Record& a, const Record& b) { return a.commit_ms < b.commit_ms; });
  const size_t count = PageSize(records, bytes_max);
  for (size_t i = 0; i < count; ++i) result.delta.records.push_back(records[i].record);
  if (count < records.size()) {
    result.delta.server_sync_timestamp.millis = records[count].commit_ms;
    result.node_id = std::string(kPageMark) + std::to_string(start.epoch_ms);
  }
  return result;
}

}  // namespace topgun::gateway
