// Where tags of an OR map live: the views of all loops are asked, then, about tags that none of
// them knows, the dead tags of every shard.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "domain/lookup.h"
#include "service/collector.h"
#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

using Tags = std::vector<std::string>;
using Resolved = std::vector<ResolvedTag>;

constexpr int kTagsMax = 65'536;

StatusOr<Tags> DecodeTags(const v1::ResolveTagsRequest& request) {
  if (request.tag_lengths_size() > kTagsMax) return InvalidArgument("tags: too many");
  Tags tags;
  std::string_view rest = request.tags();
  for (const uint32_t length : request.tag_lengths()) {
    if (length > rest.size()) return InvalidArgument("tag_lengths: longer than tags");
    tags.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return tags;
}

void FillReply(const Resolved& resolved, v1::ResolveTagsReply& reply) {
  for (const ResolvedTag& tag : resolved) {
    reply.mutable_states()->push_back(static_cast<char>(tag.state));
    reply.mutable_keys()->append(tag.key);
    reply.add_key_lengths(static_cast<uint32_t>(tag.key.size()));
  }
}

// A record anywhere wins over tombstones (OrContent::Resolve).
Resolved MergeLoops(std::vector<Resolved> parts) {
  Resolved merged = std::move(parts.front());
  for (size_t part = 1; part < parts.size(); ++part) {
    for (size_t i = 0; i < merged.size(); ++i) {
      ResolvedTag& tag = parts[part][i];
      if (tag.state == TagState::kLive || merged[i].state == TagState::kUnknown) {
        merged[i] = std::move(tag);
      }
    }
  }
  return merged;
}

// One call; the tasks on the loops share it.
class Resolution : public std::enable_shared_from_this<Resolution> {
 public:
  Resolution(LoopSet& loops, std::string map, Tags tags, std::shared_ptr<Gathering<Resolved>> call)
      : loops_(loops),
        map_(std::move(map)),
        tags_(std::make_shared<const Tags>(std::move(tags))),
        call_(std::move(call)) {}

  void AskViews() {
    const auto views = std::make_shared<Collector<Resolved>>(
        loops_.loop_count(), [self = shared_from_this()](StatusOr<std::vector<Resolved>> parts) {
          if (!parts.ok()) return self->call_->Add(parts.status());
          self->resolved_ = MergeLoops(*std::move(parts));
          self->AskDeadTags();
        });
    for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
      const bool posted = loops_.Post(loop, [self = shared_from_this(), loop, views] {
        self->loops_.ViewsOf(loop).ResolveTags(
            self->map_, self->tags_,
            [views](StatusOr<Resolved> part) { views->Add(std::move(part)); });
      });
      if (!posted) views->Add(Unavailable("shutting down"));
    }
  }

 private:
  void AskDeadTags() {
    Tags unknown;
    for (size_t i = 0; i < resolved_.size(); ++i) {
      if (resolved_[i].state == TagState::kUnknown) unknown.push_back((*tags_)[i]);
    }
    if (unknown.empty()) return call_->Add(std::move(resolved_));
    const auto shards = std::make_shared<Collector<std::vector<bool>>>(
        loops_.shard_count(),
        [self = shared_from_this()](const StatusOr<std::vector<std::vector<bool>>>& parts) {
          if (!parts.ok()) return self->call_->Add(parts.status());
          self->TakeDeadTags(*parts);
        });
    for (uint32_t shard = 0; shard < loops_.shard_count(); ++shard) {
      const bool posted = loops_.Post(loops_.LoopOf(shard), [self = shared_from_this(), shard,
                                                             unknown, shards] {
        ReadDeadTags(self->loops_.ShardAt(shard), self->map_, unknown,
                     [shards](StatusOr<std::vector<bool>> part) { shards->Add(std::move(part)); });
      });
      if (!posted) shards->Add(Unavailable("shutting down"));
    }
  }

  // Dead only if every shard knows: one that does not would still take a record under the tag.
  void TakeDeadTags(const std::vector<std::vector<bool>>& shards) {
    size_t at = 0;  // among the unknown ones
    for (ResolvedTag& tag : resolved_) {
      if (tag.state != TagState::kUnknown) continue;
      const bool dead = std::all_of(shards.begin(), shards.end(),
                                    [at](const std::vector<bool>& part) { return part[at]; });
      if (dead) tag.state = TagState::kDead;
      ++at;
    }
    call_->Add(std::move(resolved_));
  }

  LoopSet& loops_;
  const std::string map_;
  const std::shared_ptr<const Tags> tags_;
  const std::shared_ptr<Gathering<Resolved>> call_;
  Resolved resolved_;
};

}  // namespace

grpc::ServerUnaryReactor* SyncService::ResolveTags(grpc::CallbackServerContext* /*context*/,
                                                   const v1::ResolveTagsRequest* request,
                                                   v1::ResolveTagsReply* reply) {
  StatusOr<Tags> tags = DecodeTags(*request);
  const auto call = std::make_shared<Gathering<Resolved>>(
      1, [reply](const std::vector<Resolved>& parts) { FillReply(parts.front(), *reply); });
  grpc::ServerUnaryReactor* const reactor = Gathering<Resolved>::ReactorOf(call);
  if (tags.ok()) {
    std::make_shared<Resolution>(loops_, request->map(), *std::move(tags), call)->AskViews();
  } else {
    call->Add(tags.status());
  }
  return reactor;
}

}  // namespace topgun::sync
