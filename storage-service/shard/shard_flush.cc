// Writing to Postgres: batches of the feed, and the scan that repairs a gap.
#include "shard/shard_owner.h"
#include "state/cell.h"

namespace topgun::storage {

awaitable<bool> ShardOwner::FlushFront() {
  queue_.front().sealed = true;
  const WriteBatch& batch = *queue_.front().batch;
  flush_started_ = Clock::now();
  const Status flushed =
      co_await context_.postgres.Flush(shard_, context_.name, incarnation_, batch);
  if (!flushed.ok()) {
    uncertain_ = true;
    if (flushed.code() == StatusCode::kAborted) {
      context_.probe.FenceRejected();
    } else {
      context_.probe.FlushFailed();
    }
    co_return Failed(flushed, "flushing");
  }
  const FlushTrace trace{.read = queue_.front().began,
                         .sent = flush_started_,
                         .committed = Clock::now(),
                         .shard = shard_,
                         .from = batch.from(),
                         .to = batch.to(),
                         .rows = batch.rows().size(),
                         .changes = batch.changes(),
                         .oldest_wall_ms = batch.oldest_wall_ms(),
                         .traces = batch.traces()};
  context_.probe.Flushed(trace.committed - flush_started_, trace.rows, trace.changes - trace.rows);
  position_ = batch.to();
  bytes_ = batch.bytes();
  PopFront();
  ResolveFlushWaiters();
  co_await Publish();
  context_.probe.Published(trace);
  co_return true;
}

// Failing costs nothing: the check of the next second repeats it.
awaitable<void> ShardOwner::Publish() {
  const int64_t now_ms = context_.clock.NowMs();
  trim_.Persisted(position_, bytes_, now_ms);
  const Position trim = trim_.Boundary(now_ms);
  const Status published =
      co_await context_.redis.PublishPersisted(shard_, incarnation_, position_, bytes_, trim);
  if (published.ok()) {
    published_trim_ = trim;
  } else {
    Warn(published, "publishing the position");
  }
}

// The feed begins beyond what Postgres has (Postgres was restored, or entries were lost): takes the
// cells themselves. The tail is read first, so whatever is written during the scan comes through
// the feed as well; the merge guard makes that harmless.
awaitable<bool> ShardOwner::Repair() {
  const StatusOr<ShardMeta> meta = co_await context_.redis.ReadMeta(shard_);
  if (!meta.ok()) co_return Failed(meta.status(), "scanning the shard");
  if (!IsOpen(*meta)) {
    Retry();
    co_return true;
  }
  auto batch = std::make_unique<WriteBatch>(position_, bytes_);
  Status scanned = co_await ScanInto(batch);
  if (scanned.ok()) {
    batch->AdvanceTo(meta->tail, meta->bytes);
    scanned = co_await FlushScanned(batch);
  }
  if (!scanned.ok()) {
    uncertain_ = true;
    co_return Failed(scanned, "scanning the shard");
  }
  position_ = read_ = meta->tail;
  bytes_ = read_bytes_ = meta->bytes;
  must_repair_ = false;
  context_.reader_wake.Notify();
  ResolveFlushWaiters();
  co_await Publish();
  co_return true;
}

awaitable<Status> ShardOwner::ScanInto(std::unique_ptr<WriteBatch>& batch) {
  const StatusOr<std::vector<std::string>> maps = co_await context_.redis.ListMaps(shard_);
  if (!maps.ok()) co_return maps.status();
  for (const std::string& map_id : *maps) {
    state::MapIdView map;
    if (!state::ParseMapId(map_id, &map)) continue;
    std::string cursor = "0";
    do {
      if (discarded_ || draining_) co_return Cancelled("the shard is being given up");
      StatusOr<ScanPage> page = co_await context_.redis.ScanCells(shard_, map_id, cursor);
      if (!page.ok()) co_return page.status();
      context_.probe.CellsScanned(page->cells.size());
      for (const ScanPage::Cell& found : page->cells) {
        state::CellView cell;
        state::FieldView field;
        if (!state::DecodeCell(found.cell, &cell) || cell.version <= position_) continue;
        if (!state::ParseCellField(map.kind, found.field, &field)) continue;
        batch->AddCell({map.kind, map.map, field.key, field.tag, found.cell});
      }
      if (!Fits(*batch)) {
        const Status flushed = co_await FlushScanned(batch);
        if (!flushed.ok()) co_return flushed;
      }
      cursor = std::move(page->cursor);
    } while (cursor != "0");
  }
  co_return OkStatus();
}

awaitable<Status> ShardOwner::FlushScanned(std::unique_ptr<WriteBatch>& batch) {
  const Status flushed =
      co_await context_.postgres.Flush(shard_, context_.name, incarnation_, *batch);
  if (flushed.code() == StatusCode::kAborted) context_.probe.FenceRejected();
  if (flushed.ok()) batch = std::make_unique<WriteBatch>(position_, bytes_);
  co_return flushed;
}

}  // namespace topgun::storage
