#include "system/system_store.h"

#include <memory>
#include <span>
#include <utility>

#include "state/cell.h"

namespace topgun::gateway {

void SystemStore::Put(std::string_view map, std::string_view key, std::string_view value,
                      double ttl_ms, Done done) {
  Start({.map = std::string(map),
         .key = std::string(key),
         .value = std::string(value),
         .ttl_ms = ttl_ms},
        std::move(done));
}

void SystemStore::Remove(std::string_view map, std::string_view key, Done done) {
  Start(
      {.map = std::string(map), .key = std::string(key), .value = {}, .ttl_ms = 0, .remove = true},
      std::move(done));
}

void SystemStore::Start(Row row, Done done) {
  if (waiting_ >= kWaitingMax) {
    return defer_([done = std::move(done)] {
      done(ResourceExhausted("too many writes of the cluster's own maps wait"));
    });
  }
  ++waiting_;
  auto finish = [this, done = std::move(done)](const Status& status) {
    --waiting_;
    done(status);
  };
  const std::string map = row.map;
  const std::vector<std::string> keys{row.key};
  cells_.ReadCells(map, keys,
                   [this, row = std::make_shared<const Row>(std::move(row)),
                    finish = std::move(finish)](const StatusOr<std::vector<std::string>>& cells) {
                     if (!cells.ok()) return finish(cells.status());
                     state::CellView cell;
                     if (!cells->empty() && state::DecodeCell(cells->front(), &cell)) {
                       clock_.Observe(cell.timestamp);
                     }
                     Write(*row, finish);
                   });
}

void SystemStore::Write(const Row& row, Done done) {
  const crdt::Timestamp now = clock_.Tick();
  wire::Op op;
  op.kind = row.remove ? wire::OpKind::kRemove : wire::OpKind::kPut;
  op.map = row.map;
  op.key = row.key;
  op.value = row.value;
  op.timestamp = now.view();
  op.has_timestamp = true;
  op.has_ttl = row.ttl_ms > 0;
  op.ttl_ms = row.ttl_ms;
  writes_.Write(std::span(&op, 1), {},
                [done = std::move(done)](std::span<const OpOutcome> outcomes) {
                  switch (outcomes.front()) {
                    case OpOutcome::kApplied:
                      return done(OkStatus());
                    case OpOutcome::kRejected:
                      return done(FailedPrecondition("the write was refused"));
                    case OpOutcome::kOverloaded:
                      return done(Unavailable("the cluster is overloaded, try again later"));
                  }
                });
}

}  // namespace topgun::gateway
