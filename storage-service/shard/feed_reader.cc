#include "shard/feed_reader.h"

#include <algorithm>

#include "async/spawn.h"

namespace topgun::storage {
namespace {

constexpr std::chrono::milliseconds kBlock{100};
constexpr std::chrono::milliseconds kIdle{100};
// A wake-up costs more than an entry: under load, reads take what came since the last one. Flushes
// that somebody waits for are paced as well, so a fraction of their interval delays little.
constexpr int kReadsPerFlush = 2;
constexpr uint64_t kReplyBytes = 16ull << 20;
constexpr double kEntriesMax = 1000;

}  // namespace

void FeedReader::Start() { Spawn(context_.io, Run()); }

void FeedReader::Stop() {
  stopped_ = true;
  context_.reader_wake.Notify();
  pace_.Notify();
}

awaitable<void> FeedReader::Run() {
  while (!stopped_) {
    std::vector<FeedPoint> points = WantedPoints();
    if (points.empty() || !context_.CanRead()) {
      co_await context_.reader_wake.Wait(kIdle);
      continue;
    }
    const uint32_t count = EntriesPerFeed(points.size());
    const StatusOr<FeedReply> reply = co_await source_.Read(std::move(points), count, kBlock);
    if (stopped_) break;
    if (reply.ok()) {
      Dispatch(*reply);
      co_await pace_.Wait(context_.limits.awaited_flush_interval / kReadsPerFlush);
    } else {
      co_await context_.reader_wake.Wait(kIdle);
    }
  }
}

std::vector<FeedPoint> FeedReader::WantedPoints() const {
  std::vector<FeedPoint> points;
  for (const auto& [number, shard] : shards_) {
    if (shard->WantsEntries()) points.push_back({number, shard->read_position()});
  }
  return points;
}

uint32_t FeedReader::EntriesPerFeed(size_t feeds) const {
  const uint64_t left = context_.limits.read_bytes_max - context_.unflushed_bytes;
  const double bytes = static_cast<double>(std::min(left, kReplyBytes));
  const double count = bytes / (static_cast<double>(feeds) * entry_bytes_);
  return static_cast<uint32_t>(std::clamp(count, 1.0, kEntriesMax));
}

void FeedReader::Dispatch(const FeedReply& reply) {
  size_t entries = 0;
  for (const FeedChunk& chunk : reply.chunks) {
    entries += chunk.entries.size();
    for (const FeedEntry& entry : chunk.entries) {
      entry_bytes_ += (static_cast<double>(entry.bytes.size()) - entry_bytes_) / 64;
    }
    const auto shard = shards_.find(chunk.point.shard);
    if (shard != shards_.end()) shard->second->TakeEntries(chunk);
  }
  context_.probe.EntriesRead(entries);
  context_.probe.SetUnflushedBytes(context_.unflushed_bytes);
}

}  // namespace topgun::storage
