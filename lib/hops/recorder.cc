#include "hops/recorder.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string_view>
#include <utility>

namespace topgun::hops {
namespace {

constexpr uint64_t kTraceMask = (uint64_t{1} << 53) - 1;

int64_t Nanos(Time time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// The same for all processes of a machine, until it starts again.
std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

void AppendNames(std::string_view key, const std::vector<std::string>& names, std::string& out) {
  out.append(",\"").append(key).append("\":[");
  for (size_t i = 0; i < names.size(); ++i) {
    out.append(i == 0 ? "\"" : ",\"").append(names[i]).append("\"");
  }
  out.append("]");
}

template <typename Each>
void AppendList(size_t count, std::string& out, Each each) {
  out.append(",[");
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) out.push_back(',');
    out.append(std::to_string(each(i)));
  }
  out.push_back(']');
}

}  // namespace

Recorder::Recorder(size_t records_max)
    : records_max_(records_max),
      next_trace_((uint64_t{std::random_device()()} << 32 | std::random_device()()) & kTraceMask) {}

size_t Recorder::AddKind(Kind kind) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < rings_.size(); ++i) {
    if (rings_[i].kind.name == kind.name) return i;
  }
  if (kind.stages.size() > kStagesMax || kind.numbers.size() > kNumbersMax) {
    std::fprintf(stderr, "hops: kind %s has too many stages or numbers\n", kind.name.c_str());
    std::abort();
  }
  rings_.push_back({.kind = std::move(kind), .records = {}});
  return rings_.size() - 1;
}

void Recorder::Add(size_t kind, Record record) {
  const std::lock_guard lock(mutex_);
  Ring& ring = rings_[kind];
  Numbered numbered{.number = ++last_number_, .record = std::move(record)};
  if (ring.records.size() < records_max_) {
    ring.records.push_back(std::move(numbered));
    return;
  }
  ring.records[ring.next] = std::move(numbered);
  ring.next = (ring.next + 1) % records_max_;
}

uint64_t Recorder::NewTrace() {
  for (;;) {
    const uint64_t trace = next_trace_.fetch_add(1, std::memory_order_relaxed) & kTraceMask;
    if (trace != 0) return trace;
  }
}

std::string Recorder::Render(uint64_t after) const {
  static const std::string boot = BootId();
  const int64_t wall = std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
  const std::lock_guard lock(mutex_);
  std::string out = "{\"boot\":\"" + boot + "\",\"every\":" + std::to_string(every());
  out.append(",\"wallMinusSteadyNs\":")
      .append(std::to_string(wall - Nanos(std::chrono::steady_clock::now())))
      .append(",\"last\":")
      .append(std::to_string(last_number_))
      .append(",\"kinds\":[");
  for (const Ring& ring : rings_) {
    if (&ring != &rings_.front()) out.push_back(',');
    RenderRing(ring, after, out);
  }
  return out.append("]}\n");
}

// A record is [number, trace, [times in ns, 0 where not passed], [numbers], [parts]].
void Recorder::RenderRing(const Ring& ring, uint64_t after, std::string& out) {
  out.append("{\"name\":\"").append(ring.kind.name).append("\"");
  AppendNames("stages", ring.kind.stages, out);
  AppendNames("numbers", ring.kind.numbers, out);
  out.append(",\"records\":[");
  bool first = true;
  for (size_t i = 0; i < ring.records.size(); ++i) {
    const auto& [number, record] = ring.records[(ring.next + i) % ring.records.size()];
    if (number <= after) continue;
    if (!std::exchange(first, false)) out.push_back(',');
    out.append("[").append(std::to_string(number)).append(",").append(std::to_string(record.trace));
    AppendList(ring.kind.stages.size(), out, [&](size_t at) { return Nanos(record.at[at]); });
    AppendList(ring.kind.numbers.size(), out, [&](size_t at) { return record.numbers[at]; });
    AppendList(record.parts.size(), out, [&](size_t at) { return record.parts[at]; });
    out.push_back(']');
  }
  out.append("]}");
}

}  // namespace topgun::hops
