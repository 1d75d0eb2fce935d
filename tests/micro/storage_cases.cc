// storage-service: what the feed brings, coalesced and as statements for Postgres.
#include <memory>

#include "case.h"
#include "flush_statements.h"
#include "shard/write_batch.h"
#include "state/cell.h"
#include "state/feed_entry.h"
#include "workload.h"

namespace topgun::micro {
namespace {

constexpr size_t kEntries = 20;
constexpr size_t kChanges = 250;  // of one entry
constexpr size_t kRows = kEntries * kChanges / 5;

std::string Entry(size_t number) {
  const Ops ops(wire::OpKind::kPut, kChanges, 0, number * kChanges);
  state::FeedEntryBuilder builder;
  for (const wire::Op& op : ops.ops()) {
    state::CellView cell;
    cell.version = {31'000'000, number};
    cell.commit_ms = kNowMs;
    cell.timestamp = op.timestamp;
    cell.value = op.value;
    const std::string bytes = state::EncodeCell(cell);
    builder.Add({.kind = state::CellKind::kLww,
                 .flags = state::kChangeWasLive,
                 .map = builder.MapIndex(op.map),
                 .origin = 0,
                 .key = op.key,
                 .tag = {},
                 .cell = bytes});
  }
  return builder.Build(kNowMs);
}

// Five changes per cell.
Case::Call Coalesce() {
  auto entries = std::make_shared<std::vector<std::string>>();
  for (size_t i = 0; i < kEntries; ++i) entries->push_back(Entry(i));
  return [entries] {
    storage::WriteBatch batch({31'000'000, 0}, 0);
    for (size_t i = 0; i < entries->size(); ++i) {
      Keep(batch.AddEntry({31'000'000, i + 1}, i, (*entries)[i]));
    }
    Keep(batch.rows().size());
  };
}

Case::Call WriteStatements() {
  auto batch = std::make_shared<storage::WriteBatch>(state::Position{31'000'000, 0}, 0);
  for (size_t i = 0; i < kEntries; ++i) batch->AddEntry({31'000'000, i + 1}, i, Entry(i));
  return [batch] {
    const auto statements = pg::FlushStatements(
        1, "storage-0", 31'000'000, *batch, [](std::string_view) { return 7; },
        pg::CreatedRows::kInsert);
    Keep(statements.size());
  };
}

}  // namespace

void AddStorageCases(std::vector<Case>& cases) {
  cases.push_back({.name = "storage/coalesce", .items = kEntries * kChanges, .prepare = Coalesce});
  cases.push_back({.name = "storage/flush_statements", .items = kRows, .prepare = WriteStatements});
}

}  // namespace topgun::micro
