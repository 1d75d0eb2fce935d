#include "state/feed_entry.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace topgun::state {
namespace {

constexpr uint8_t kTypeCommit = 1;
constexpr uint8_t kTypeMarker = 2;
constexpr uint8_t kTypeAwaitedCommit = 3;

// Kind, flags, two indices and three lengths.
constexpr size_t kChangeBytesMin = 7;

void AppendDictionary(std::string& out, const std::deque<std::string>& names) {
  AppendVarint(out, names.size());
  for (const std::string& name : names) AppendBytes(out, name);
}

// Every element takes at least a byte, so a count beyond the rest is a lie: fail before reserving.
uint64_t ReadCount(ByteCursor& cursor, bool* ok) {
  const uint64_t count = cursor.ReadVarint();
  if (count > cursor.rest().size()) *ok = false;
  return *ok ? count : 0;
}

bool ReadDictionary(ByteCursor& cursor, std::vector<std::string_view>* out) {
  bool ok = true;
  const uint64_t count = ReadCount(cursor, &ok);
  out->clear();
  for (uint64_t i = 0; i < count && cursor.ok(); ++i) out->push_back(cursor.ReadBytes());
  return ok && cursor.ok();
}

bool ReadIndex(ByteCursor& cursor, size_t size, uint32_t* out) {
  const uint64_t index = cursor.ReadVarint();
  *out = static_cast<uint32_t>(index);
  return index < size;
}

bool ReadChange(ByteCursor& cursor, const FeedEntryView& entry, ChangeView* out) {
  const char kind = static_cast<char>(cursor.ReadByte());
  MapIdView known;
  if (!ParseMapId({&kind, 1}, &known)) return false;
  out->kind = known.kind;
  out->flags = cursor.ReadByte();
  if (!ReadIndex(cursor, entry.maps.size(), &out->map)) return false;
  if (!ReadIndex(cursor, entry.origins.size(), &out->origin)) return false;
  out->key = cursor.ReadBytes();
  out->tag = cursor.ReadBytes();
  out->cell = cursor.ReadBytes();
  return cursor.ok();
}

bool ReadCommit(ByteCursor& cursor, FeedEntryView* out) {
  if (!ReadDictionary(cursor, &out->maps) || !ReadDictionary(cursor, &out->origins)) return false;
  if (out->origins.empty() || !out->origins.front().empty()) return false;
  bool ok = true;
  const uint64_t count = ReadCount(cursor, &ok);
  out->changes.reserve(std::min<uint64_t>(count, cursor.rest().size() / kChangeBytesMin));
  for (uint64_t i = 0; i < count; ++i) {
    if (!ReadChange(cursor, *out, &out->changes.emplace_back())) return false;
  }
  return ok;
}

// Only there when there are any: most entries end before.
bool ReadTraces(ByteCursor& cursor, FeedEntryView* out) {
  if (!cursor.ok() || cursor.AtEnd()) return cursor.ok();
  const uint64_t count = cursor.ReadVarint();
  if (count == 0 || count > FeedEntryBuilder::kTracesMax) return false;
  for (uint64_t i = 0; i < count && cursor.ok(); ++i) {
    TraceView& trace = out->traces.emplace_back();
    trace.traceparent = cursor.ReadBytes();
    trace.tracestate = cursor.ReadBytes();
  }
  return cursor.ok();
}

}  // namespace

void FeedEntryBuilder::Clear() {
  maps_.Clear();
  origins_.Clear();
  origins_.NumberOf({});
  changes_.clear();
  change_count_ = 0;
  traces_.clear();
  trace_count_ = 0;
}

void FeedEntryBuilder::Dictionary::Clear() {
  names_.clear();
  index_.Clear();
}

uint32_t FeedEntryBuilder::Dictionary::NumberOf(std::string_view name) {
  if (const auto known = index_.Find(name)) return *known;
  const auto next = static_cast<uint32_t>(names_.size());
  index_.Add(names_.emplace_back(name));
  return next;
}

void FeedEntryBuilder::Add(const ChangeView& change) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  std::array<char, 2 + 3 * kVarintBytesMax> numbers;
  char* end = numbers.data();
  *end++ = static_cast<char>(change.kind);
  *end++ = static_cast<char>(change.flags);
  end = PutVarint(end, change.map);
  end = PutVarint(end, change.origin);
  end = PutVarint(end, change.key.size());
  changes_.append(numbers.data(), end);
  changes_.append(change.key);
  AppendBytes(changes_, change.tag);
  AppendBytes(changes_, change.cell);
  ++change_count_;
}

void FeedEntryBuilder::AddTrace(const TraceView& trace) {
  if (trace_count_ == kTracesMax) return;
  ++trace_count_;
  AppendBytes(traces_, trace.traceparent);
  AppendBytes(traces_, trace.tracestate);
}

std::string FeedEntryBuilder::Build(int64_t wall_ms, bool awaited) const {
  std::string out;
  out.reserve(64 + 24 * (maps_.names().size() + origins_.names().size()) + changes_.size());
  out.push_back(static_cast<char>(awaited ? kTypeAwaitedCommit : kTypeCommit));
  AppendVarint(out, static_cast<uint64_t>(wall_ms));
  AppendDictionary(out, maps_.names());
  AppendDictionary(out, origins_.names());
  AppendVarint(out, change_count_);
  out.append(changes_);
  if (trace_count_ > 0) {
    AppendVarint(out, trace_count_);
    out.append(traces_);
  }
  return out;
}

std::string EncodeMarker(int64_t wall_ms, const Position& tail) {
  std::string out(1, static_cast<char>(kTypeMarker));
  AppendVarint(out, static_cast<uint64_t>(wall_ms));
  AppendVarint(out, tail.incarnation);
  AppendVarint(out, tail.n);
  return out;
}

bool DecodeFeedEntry(std::string_view bytes, FeedEntryView* out) {
  ByteCursor cursor(bytes);
  const uint8_t type = cursor.ReadByte();
  out->is_marker = type == kTypeMarker;
  out->awaited = type == kTypeAwaitedCommit;
  out->wall_ms = static_cast<int64_t>(cursor.ReadVarint());
  out->marker_tail = {};
  out->maps.clear();
  out->origins.clear();
  out->changes.clear();
  out->traces.clear();
  if (type == kTypeMarker) {
    out->marker_tail.incarnation = cursor.ReadVarint();
    out->marker_tail.n = cursor.ReadVarint();
  } else if ((type != kTypeCommit && !out->awaited) || !ReadCommit(cursor, out) ||
             !ReadTraces(cursor, out)) {
    return false;
  }
  return cursor.ok() && cursor.AtEnd();
}

}  // namespace topgun::state
