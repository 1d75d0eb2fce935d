#include "dispatch/tag_removal.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "dispatch/detached_writes.h"

namespace topgun::gateway {
namespace {

constexpr size_t kTagBytes = 64;                    // of a tag's place in a job
constexpr size_t kQuestionBytes = size_t{4} << 20;  // well below what a message may have

// The last `count` elements, at most all.
template <typename T>
std::vector<T> TakeSome(std::vector<T>& from, size_t count) {
  const auto first = from.end() - static_cast<std::ptrdiff_t>(std::min(count, from.size()));
  std::vector<T> some(std::make_move_iterator(first), std::make_move_iterator(from.end()));
  from.erase(first, from.end());
  return some;
}

template <typename T>
void PutBack(std::vector<T> some, std::vector<T>& to) {
  std::move(some.begin(), some.end(), std::back_inserter(to));
}

}  // namespace

bool TagRemoval::Remove(std::string map, std::string origin, std::vector<std::string> tags,
                        Done done) {
  size_t bytes = 0;
  for (const std::string& tag : tags) bytes += tag.size() + kTagBytes;
  if (bytes > options_.bytes_max - std::min(bytes_, options_.bytes_max)) return false;
  bytes_ += bytes;
  const auto job = std::make_shared<Job>();
  job->map = std::move(map);
  job->origin = std::move(origin);
  job->done = std::move(done);
  job->bytes = bytes;
  job->tags = std::move(tags);
  job->question = probe_.tracer().current();
  jobs_.push_back(job);
  probe_.TagRemovals(1);
  Continue(job);
  return true;
}

void TagRemoval::Continue(const JobPtr& job) {
  const Tracer::Scope scope(probe_.tracer(), job->question);
  if (!job->live.empty()) return RemoveSome(job);
  if (!job->unknown.empty()) return DeclareSome(job);
  if (job->asked < job->tags.size()) return Ask(job);
  if (job->next.empty()) return End(job, true);
  if (++job->rounds >= options_.rounds_max) return End(job, false);
  job->tags = std::exchange(job->next, {});
  job->asked = 0;
  Ask(job);
}

void TagRemoval::Ask(const JobPtr& job) {
  std::vector<std::string> question;
  size_t bytes = 0;
  for (size_t i = job->asked; i < job->tags.size(); ++i) {
    bytes += job->tags[i].size();
    const bool full = question.size() == TreeReader::kTagsMax || bytes > kQuestionBytes;
    if (full && !question.empty()) break;
    question.push_back(job->tags[i]);
  }
  reader_.ResolveTags(job->map, question,
                      [this, job, question](StatusOr<std::vector<ResolvedTag>> resolved) mutable {
                        if (!resolved.ok()) return Retry(job);
                        Sort(job, std::move(question), *std::move(resolved));
                      });
}

void TagRemoval::Sort(const JobPtr& job, std::vector<std::string> tags,
                      std::vector<ResolvedTag> resolved) {
  job->attempts = 0;
  job->asked += tags.size();
  for (size_t i = 0; i < resolved.size(); ++i) {
    if (resolved[i].state == TagState::kLive) {
      job->live.push_back({.tag = std::move(tags[i]), .key = std::move(resolved[i].key)});
    } else if (resolved[i].state == TagState::kUnknown) {
      job->unknown.push_back(std::move(tags[i]));
    }
  }
  Continue(job);
}

void TagRemoval::RemoveSome(const JobPtr& job) {
  auto some = std::make_shared<std::vector<Located>>(TakeSome(job->live, options_.ops_per_write));
  std::vector<wire::Op> ops(some->size());
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].kind = wire::OpKind::kOrRemove;
    ops[i].map = job->map;
    ops[i].key = (*some)[i].key;
    ops[i].tag = (*some)[i].tag;
  }
  context_->detached.Write(ops, job->origin,
                           [this, job, some](std::span<const OpOutcome> outcomes) {
                             if (!Written(job, outcomes)) {
                               return PutBack(std::move(*some), job->live);
                             }
                             for (Located& each : *some) job->next.push_back(std::move(each.tag));
                             Continue(job);
                           });
}

void TagRemoval::DeclareSome(const JobPtr& job) {
  const size_t count = std::max<size_t>(1, options_.ops_per_write / context_->sink.shard_count());
  auto some = std::make_shared<std::vector<std::string>>(TakeSome(job->unknown, count));
  context_->detached.DeclareDead(job->map, *some,
                                 [this, job, some](std::span<const OpOutcome> outcomes) {
                                   if (!Written(job, outcomes)) {
                                     return PutBack(std::move(*some), job->unknown);
                                   }
                                   probe_.TagsDeclaredDead(some->size());
                                   PutBack(std::move(*some), job->next);
                                   Continue(job);
                                 });
}

bool TagRemoval::Written(const JobPtr& job, std::span<const OpOutcome> outcomes) {
  const bool failed =
      std::find(outcomes.begin(), outcomes.end(), OpOutcome::kOverloaded) != outcomes.end();
  if (failed) {
    Retry(job);
  } else {
    job->attempts = 0;
  }
  return !failed;
}

void TagRemoval::Retry(const JobPtr& job) {
  if (++job->attempts >= options_.attempts_max) return End(job, false);
  probe_.TagRemovalRetried();
  const auto pause = options_.retry_min * (1 << (job->attempts - 1));
  job->retry_at = std::chrono::steady_clock::now() + pause;
}

void TagRemoval::Tick(Time now) {
  for (const JobPtr& job : std::vector(jobs_)) {
    if (!job->retry_at || now < *job->retry_at) continue;
    job->retry_at.reset();
    Continue(job);
  }
}

void TagRemoval::End(const JobPtr& job, bool removed) {
  bytes_ -= job->bytes;
  std::erase(jobs_, job);
  probe_.TagRemovals(-1);
  job->done(removed);
}

}  // namespace topgun::gateway
