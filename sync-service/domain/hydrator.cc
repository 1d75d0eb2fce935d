#include "domain/hydrator.h"

#include <random>
#include <utility>

#include "domain/merge_rules.h"
#include "logging/logging.h"

namespace topgun::sync {

namespace {

std::string NewToken() {
  std::random_device device;
  return std::to_string((static_cast<uint64_t>(device()) << 32) | device());
}

}  // namespace

Hydrator::Hydrator(uint32_t shard, ShardStore& store, ShardOwner& owner, Probe& probe)
    : shard_(shard), store_(store), owner_(owner), probe_(probe) {}

void Hydrator::Load(const std::string& map_id, StatusCallback callback) {
  JobPtr& job = jobs_[map_id];
  if (job != nullptr) {
    job->waiters.push_back(std::move(callback));
    return;
  }
  job = std::make_shared<Job>();
  job->map_id = map_id;
  job->token = NewToken();
  job->waiters.push_back(std::move(callback));
  Begin(job);
}

void Hydrator::LoadAll(std::vector<std::string> map_ids, StatusCallback done) {
  if (map_ids.empty()) return done(OkStatus());
  const std::string map_id = std::move(map_ids.back());
  map_ids.pop_back();
  Load(map_id,
       [this, map_ids = std::move(map_ids), done = std::move(done)](const Status& status) mutable {
         if (!status.ok()) return done(status);
         LoadAll(std::move(map_ids), std::move(done));
       });
}

void Hydrator::Begin(const JobPtr& job) {
  store_.HydrateBegin(job->map_id, job->token,
                      [this, job](StatusOr<std::optional<state::Position>> floor) {
                        if (!floor.ok()) return Complete(job, floor.status());
                        if (!floor->has_value()) return Complete(job, OkStatus());
                        probe_.Hydrations();
                        owner_.LoadMap(
                            shard_, job->map_id, **floor,
                            [this, job](std::vector<LoadedCell> cells, ShardOwner::Next next) {
                              MergeChunk(job, std::move(cells), std::move(next));
                            },
                            [this, job](const Status& status) { Finish(job, status); });
                      });
}

void Hydrator::MergeChunk(const JobPtr& job, std::vector<LoadedCell> cells, ShardOwner::Next next) {
  state::MapIdView id;
  if (!state::ParseMapId(job->map_id, &id)) return next();
  std::vector<HydrateWrite> writes;
  writes.reserve(cells.size());
  for (LoadedCell& cell : cells) {
    writes.push_back({state::CellField(id.kind, cell.key, cell.tag), {}, std::move(cell.cell)});
  }
  WriteChunk(job, std::move(writes), std::move(next));
}

void Hydrator::WriteChunk(const JobPtr& job, std::vector<HydrateWrite> writes,
                          ShardOwner::Next next) {
  state::MapIdView id;
  if (writes.empty() || !state::ParseMapId(job->map_id, &id)) return next();
  std::vector<CellRef> refs;
  refs.reserve(writes.size());
  for (const HydrateWrite& write : writes) refs.push_back({id.kind, id.map, write.field});
  const state::CellKind kind = id.kind;
  // `writes` is moved after the call has read the references.
  auto pending = std::make_shared<std::vector<HydrateWrite>>(std::move(writes));
  store_.ReadCells(refs, [this, job, kind, pending, next = std::move(next)](
                             StatusOr<std::vector<std::optional<std::string>>> stored) {
    if (!stored.ok()) {
      job->failure = stored.status();
      return next();
    }
    std::vector<HydrateWrite> winners;
    for (size_t i = 0; i < pending->size(); ++i) {
      HydrateWrite& write = (*pending)[i];
      write.expected = (*stored)[i].value_or(std::string());
      write.cell = MergeLoaded(kind, write.expected, write.cell);
      if (!write.cell.empty()) winners.push_back(std::move(write));
    }
    if (winners.empty()) return next();
    auto sent = std::make_shared<std::vector<HydrateWrite>>(std::move(winners));
    store_.HydrateChunk(job->map_id, job->token, *sent,
                        [this, job, sent, next](StatusOr<std::vector<size_t>> clashes) {
                          if (!clashes.ok()) {
                            job->failure = clashes.status();
                            return next();
                          }
                          probe_.Hydrated(sent->size() - clashes->size());
                          std::vector<HydrateWrite> again;
                          for (const size_t index : *clashes) {
                            again.push_back(std::move((*sent)[index]));
                          }
                          WriteChunk(job, std::move(again), next);
                        });
  });
}

void Hydrator::Finish(const JobPtr& job, const Status& status) {
  if (!status.ok()) return Complete(job, status);
  if (!job->failure.ok()) return Complete(job, job->failure);
  store_.HydrateFinish(job->map_id, job->token,
                       [this, job](const Status& finished) { Complete(job, finished); });
}

void Hydrator::Complete(const JobPtr& job, const Status& status) {
  if (!status.ok()) {
    logging::Warning("hydrator", "map not loaded, it will be tried again",
                     {{"shard", shard_}, {"reason", Message(status)}});
  }
  jobs_.erase(job->map_id);
  for (StatusCallback& waiter : job->waiters) waiter(status);
}

}  // namespace topgun::sync
