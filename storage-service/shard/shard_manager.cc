#include "shard/shard_manager.h"

#include <algorithm>
#include <utility>

#include "async/spawn.h"

namespace topgun::storage {
namespace {

// A process with less than its share asks more often: somebody may be about to release.
constexpr int kTicksPerLease = 3;
constexpr int kHungryTicksPerLease = 15;
constexpr std::chrono::milliseconds kDrainPoll{20};

}  // namespace

ShardManager::ShardManager(ShardContext& context, LeaseStore& leases, FeedSource& feeds,
                           std::chrono::milliseconds lease)
    : context_(context),
      leases_(leases),
      lease_(lease),
      reader_(context, feeds, shards_),
      tick_(context.io),
      kept_(context.io) {}

void ShardManager::Start() {
  reader_.Start();
  keeping_leases_ = true;
  Spawn(context_.io, KeepLeases());
}

awaitable<void> ShardManager::KeepLeases() {
  while (!leaving_) {
    co_await Heartbeat();
    co_await ReleaseEnded();
    SetGauges();
    if (!leaving_) co_await tick_.Wait(lease_ / (hungry_ ? kHungryTicksPerLease : kTicksPerLease));
  }
  keeping_leases_ = false;
  kept_.Notify();
}

awaitable<void> ShardManager::Heartbeat() {
  StatusOr<LeaseState> state = co_await leases_.Renew();
  if (!state.ok()) {
    uint64_t suppressed = 0;
    if (warn_limit_.Allow(&suppressed)) {
      logging::Warning("leases", "cannot renew",
                       {{"error", ToString(state.status())}, {"suppressed", suppressed}});
    }
    co_return;
  }
  known_ = std::move(*state);
  if (leaving_) co_return;
  Adopt(known_);
  const ClaimPlan plan = PlanClaims(context_.name, known_);
  for (const uint32_t shard : plan.release) {
    if (const auto served = shards_.find(shard); served != shards_.end()) served->second->Drain();
  }
  hungry_ = plan.missing > 0;
  if (plan.claim.empty()) co_return;
  const StatusOr<std::vector<uint32_t>> claimed = co_await leases_.Claim(plan.claim);
  if (!claimed.ok() || leaving_) co_return;
  hungry_ = plan.missing > claimed->size();
  for (const uint32_t shard : *claimed) Serve(shard);
}

// Brings what is served in line with what Postgres says is ours.
void ShardManager::Adopt(const LeaseState& state) {
  for (const Lease& lease : state.leases) {
    const auto served = shards_.find(lease.shard);
    if (lease.owner == context_.name) {
      if (served == shards_.end()) Serve(lease.shard);
    } else if (served != shards_.end()) {
      context_.probe.LeaseLost();
      logging::Warning("leases", "lost", {{"shard", lease.shard}, {"owner", lease.owner}});
      served->second->Discard();
      shards_.erase(served);
    }
  }
}

void ShardManager::Serve(uint32_t shard) {
  logging::Info("leases", "serving", {{"shard", shard}});
  const auto owner = std::make_shared<ShardOwner>(context_, shard);
  shards_.insert_or_assign(shard, owner);
  owner->Start([this] { tick_.Notify(); });
}

awaitable<void> ShardManager::ReleaseEnded() {
  std::vector<uint32_t> ended;
  for (const auto& [number, shard] : shards_) {
    if (shard->ended()) ended.push_back(number);
  }
  if (ended.empty()) co_return;
  const Status released = co_await leases_.Release(ended);
  if (!released.ok()) co_return;  // again at the next tick; until then the lease keeps others away
  for (const uint32_t shard : ended) shards_.erase(shard);
}

awaitable<uint64_t> ShardManager::Leave(std::chrono::steady_clock::time_point deadline) {
  reader_.Stop();
  co_return co_await StandDown(deadline);
}

void ShardManager::Resume() {
  if (!std::exchange(leaving_, false)) return;
  keeping_leases_ = true;
  Spawn(context_.io, KeepLeases());
}

awaitable<uint64_t> ShardManager::StandDown(std::chrono::steady_clock::time_point deadline) {
  leaving_ = true;
  tick_.Notify();
  while (keeping_leases_) co_await kept_.Wait(kDrainPoll);
  for (const auto& [number, shard] : shards_) shard->Drain();
  const auto all_ended = [this] {
    return std::all_of(shards_.begin(), shards_.end(),
                       [](const auto& entry) { return entry.second->ended(); });
  };
  while (!all_ended() && std::chrono::steady_clock::now() < deadline) {
    co_await tick_.Wait(kDrainPoll);
  }
  const uint64_t dropped = all_ended() ? 0 : context_.unflushed_bytes;
  for (const auto& [number, shard] : shards_) shard->Discard();
  while (!all_ended()) co_await tick_.Wait(kDrainPoll);
  const Status left = co_await leases_.Leave();
  if (!left.ok()) logging::Warning("leases", "not released", {{"error", ToString(left)}});
  shards_.clear();
  SetGauges();
  co_return dropped;
}

void ShardManager::Retry() {
  tick_.Notify();
  for (const auto& [number, shard] : shards_) shard->Retry();
}

StatusOr<std::shared_ptr<ShardOwner>> ShardManager::Find(uint32_t shard) const {
  const auto served = shards_.find(shard);
  if (leaving_ || served == shards_.end() || served->second->draining()) {
    return FailedPrecondition("this process does not own shard " + std::to_string(shard));
  }
  return served->second;
}

std::string ShardManager::OwnerAddress(uint32_t shard) const {
  for (const Lease& lease : known_.leases) {
    if (lease.shard == shard && lease.owner != context_.name) return lease.address;
  }
  return {};
}

awaitable<StatusOr<uint64_t>> ShardManager::OpenShard(uint32_t shard) {
  const StatusOr<std::shared_ptr<ShardOwner>> owner = Find(shard);
  if (!owner.ok()) co_return owner.status();
  co_return co_await (*owner)->EnsureOpen();
}

awaitable<Status> ShardManager::LoadMap(LoadRequest request, std::shared_ptr<PageSink> sink) {
  const StatusOr<std::shared_ptr<ShardOwner>> owner = Find(request.shard);
  if (!owner.ok()) co_return owner.status();
  const Status flushed = co_await (*owner)->FlushUpToTail();
  if (!flushed.ok()) co_return flushed;
  std::string after;
  bool more = true;
  while (more) {
    StatusOr<LoadedPage> page = co_await context_.postgres.LoadPage(request, after);
    if (!page.ok()) co_return page.status();
    more = page->more;
    after = page->last_sort_key;
    context_.probe.RowsHydrated(page->cells.size());
    if (page->cells.empty()) continue;
    const bool wanted = co_await sink->Write(std::move(*page));
    if (!wanted) co_return Cancelled("the caller has gone");
  }
  co_return OkStatus();
}

void ShardManager::SetGauges() {
  const int64_t now_ms = context_.clock.NowMs();
  size_t open = 0;
  int64_t oldest_ms = now_ms;
  for (const auto& [number, shard] : shards_) {
    open += shard->open() ? 1 : 0;
    const int64_t unflushed_ms = shard->oldest_unflushed_ms();
    if (unflushed_ms != 0) oldest_ms = std::min(oldest_ms, unflushed_ms);
  }
  context_.probe.SetOwnedShards(shards_.size());
  context_.probe.SetOpenShards(open);
  context_.probe.SetFlushLag(std::chrono::milliseconds(now_ms - oldest_ms));
  context_.probe.SetUnflushedBytes(context_.unflushed_bytes);
}

}  // namespace topgun::storage
