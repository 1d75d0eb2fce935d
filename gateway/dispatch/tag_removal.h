// Removes tags of OR maps of which only the name is known (core.md 7.6): a record that has the tag
// is removed wherever it lives, a tag that nobody knows is declared dead in every shard, so that a
// record that comes with it later never comes to life (docs/state-layout.md, "dead tags").
//
// Goes round until every tag is dead: where do they live; remove what is live, declare dead what is
// unknown; ask again, because a record may have come in between. What fails is tried again a few
// times with growing pauses.
//
// Limits: bytes of tags in hand, rounds and attempts per job, tags per question (TreeReader), ops
// per write. Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dispatch/io.h"
#include "dispatch/loop_context.h"

namespace topgun::gateway {

struct TagRemovalOptions {
  size_t bytes_max = size_t{64} << 20;  // of the tags of all jobs
  size_t rounds_max = 6;
  size_t attempts_max = 5;
  std::chrono::milliseconds retry_min{500};  // doubles with each attempt
  size_t ops_per_write = 8'192;
};

class TagRemoval {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Whether all tags are dead.
  using Done = std::function<void(bool removed)>;

  TagRemoval(TagRemovalOptions options, TreeReader& reader, Probe& probe)
      : options_(options), reader_(reader), probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  // `origin` is not told of the changes. False, and no call of `done`, when too much is in hand;
  // otherwise `done` runs once, later, unless the loop ends before.
  bool Remove(std::string map, std::string origin, std::vector<std::string> tags, Done done);
  void Tick(Time now);

  size_t jobs() const { return jobs_.size(); }

 private:
  struct Located {
    std::string tag;
    std::string key;
  };
  struct Job {
    std::string map;
    std::string origin;
    Done done;
    size_t bytes = 0;
    std::vector<std::string> tags;  // of this round
    size_t asked = 0;               // how many of them are answered
    std::vector<std::string> next;  // of the next round
    // What the latest answer leaves to be written.
    std::vector<Located> live;
    std::vector<std::string> unknown;
    size_t rounds = 0;
    size_t attempts = 0;  // since the last progress
    std::optional<Time> retry_at;
    Tracer::QuestionPtr question = {};  // that it is done for, if that is traced
  };
  using JobPtr = std::shared_ptr<Job>;

  // Whatever the job needs next.
  void Continue(const JobPtr& job);
  void Ask(const JobPtr& job);
  void Sort(const JobPtr& job, std::vector<std::string> tags, std::vector<ResolvedTag> resolved);
  void RemoveSome(const JobPtr& job);
  void DeclareSome(const JobPtr& job);
  // False: the write is to be tried again, and that is taken care of.
  bool Written(const JobPtr& job, std::span<const OpOutcome> outcomes);
  void Retry(const JobPtr& job);
  void End(const JobPtr& job, bool removed);

  const TagRemovalOptions options_;
  TreeReader& reader_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::vector<JobPtr> jobs_;
  size_t bytes_ = 0;
};

}  // namespace topgun::gateway
