#include "http/admin_restore.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "http/admin_json.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// What a person sees of the key and the node may stand for other bytes.
bool IsMeant(const LostWrite& lost, const LoserId& id) {
  return lost.timestamp.millis == id.timestamp.millis &&
         lost.timestamp.counter == id.timestamp.counter &&
         ReadableText(lost.timestamp.node_id) == id.timestamp.node_id &&
         ReadableText(lost.key) == id.key;
}

std::optional<std::string> ExactKey(const LoserId& id) {
  if (id.key.find(kReplacement) != std::string::npos) return std::nullopt;
  return id.key;
}

// False when there is no such cell.
bool FirstCell(const StatusOr<std::vector<std::string>>& cells, state::CellView* out) {
  return !cells->empty() && !cells->front().empty() && state::DecodeCell(cells->front(), out);
}

}  // namespace

struct LoserRestore::Job {
  LoserId id;
  Done done;
  LostWrite lost;
  crdt::Timestamp stamped;
};

void LoserRestore::Restore(LoserId id, Done done) {
  if (running_ >= kRunningMax) {
    return done(ResourceExhausted("too many conflicts are being restored"));
  }
  ++running_;
  const auto job = std::make_shared<Job>();
  job->id = std::move(id);
  job->done = std::move(done);
  losers_.ReadLosers(job->id.map, ExactKey(job->id), 0,
                     [this, job](LostWrites lost) { OnLosers(job, std::move(lost)); });
}

void LoserRestore::OnLosers(const JobPtr& job, LostWrites lost) {
  const auto found = std::find_if(lost.writes.begin(), lost.writes.end(),
                                  [&job](const LostWrite& each) { return IsMeant(each, job->id); });
  if (found == lost.writes.end()) {
    if (lost.replicas_answered < lost.replicas_asked || lost.replicas_asked == 0) {
      return Finish(job, Unavailable("not every sync service has answered"));
    }
    return Finish(job, NotFound("no such conflict is remembered"));
  }
  job->lost = std::move(*found);
  cells_.ReadCells(
      job->id.map, {job->lost.key},
      [this, job](const StatusOr<std::vector<std::string>>& cells) { OnStanding(job, cells); });
}

void LoserRestore::OnStanding(const JobPtr& job, const StatusOr<std::vector<std::string>>& cells) {
  if (!cells.ok()) return Finish(job, cells.status());
  state::CellView standing;
  if (FirstCell(cells, &standing)) clock_.Observe(standing.timestamp);
  clock_.Observe(job->lost.timestamp.view());
  job->stamped = clock_.Tick();
  Write(job);
}

void LoserRestore::Write(const JobPtr& job) {
  wire::Op op;
  op.map = job->id.map;
  op.key = job->lost.key;
  op.value = job->lost.value;
  op.kind = op.value.empty() ? wire::OpKind::kRemove : wire::OpKind::kPut;
  op.timestamp = job->stamped.view();
  op.has_timestamp = true;
  op.has_ttl = job->lost.ttl_ms.has_value();
  op.ttl_ms = job->lost.ttl_ms.value_or(0);
  writes_.Write(std::span(&op, 1), "", [this, job](std::span<const OpOutcome> outcomes) {
    OnWritten(job, outcomes.front());
  });
}

void LoserRestore::OnWritten(const JobPtr& job, OpOutcome outcome) {
  if (outcome == OpOutcome::kRejected) {
    return Finish(job, FailedPrecondition("the cluster has refused the write"));
  }
  if (outcome == OpOutcome::kOverloaded) {
    return Finish(job, Unavailable("the write was not confirmed, try again"));
  }
  cells_.ReadCells(
      job->id.map, {job->lost.key},
      [this, job](const StatusOr<std::vector<std::string>>& cells) { OnResult(job, cells); });
}

// An op that came too late is applied as well: it changed nothing. So what stands now decides.
void LoserRestore::OnResult(const JobPtr& job, const StatusOr<std::vector<std::string>>& cells) {
  if (!cells.ok()) return Finish(job, cells.status());
  state::CellView standing;
  if (!FirstCell(cells, &standing) || standing.value != job->lost.value) {
    return Finish(job, FailedPrecondition("the key was written by somebody else meanwhile"));
  }
  Finish(job, crdt::Timestamp(standing.timestamp));
}

void LoserRestore::Finish(const JobPtr& job, const StatusOr<crdt::Timestamp>& result) {
  --running_;
  job->done(result);
}

}  // namespace topgun::gateway
