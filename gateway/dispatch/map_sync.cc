#include "dispatch/map_sync.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "access/access.h"
#include "crdt/merkle_tree.h"
#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/error_codes.h"

namespace topgun::gateway {
namespace {

using state::CellKind;

// A burst of one level; more than that need not wait for the rest.
constexpr size_t kBurstMax = 256;

}  // namespace

void MapSync::OnSyncInit(Connection& connection, const wire::SyncInitFrame& frame) {
  OnInit(connection, {CellKind::kLww, std::string(frame.map)}, 0, frame.last_sync_timestamp);
}

void MapSync::OnOrMapSyncInit(Connection& connection, const wire::OrMapSyncInitFrame& frame) {
  OnInit(connection, {CellKind::kOr, std::string(frame.map)}, ReportedDigits(frame.bucket_hashes),
         frame.last_sync_timestamp);
}

void MapSync::OnInit(Connection& connection, MapKey key, DigitMask reported,
                     std::optional<int64_t> last_sync_ms) {
  if (!ValidName(connection, key.second)) return;
  const Following following{
      .reported = reported, .last_sync_ms = last_sync_ms.value_or(0), .since_ms = clock_.NowMs()};
  if (!Follow(connection, key, following)) return;
  Tracer::QuestionPtr question = connection.Ask(key.second);
  Enqueue(connection, std::move(key),
          {.type = Request::Type::kRoot,
           .connection = connection.id(),
           .last_sync_ms = following.last_sync_ms,
           .path = {},
           .keys = {},
           .question = std::move(question)});
}

void MapSync::OnBucketRequest(Connection& connection, CellKind kind,
                              const wire::MerkleReqBucketFrame& frame) {
  if (!MayRead(connection, frame.map)) return;
  // Nothing is there, and the reader takes nothing else (core.md 7.5).
  if (!crdt::IsMerklePath(frame.path)) {
    return connection.session().Reply(NothingAt(kind, frame.map, frame.path));
  }
  Enqueue(connection, {kind, std::string(frame.map)},
          {.type = Request::Type::kBucket,
           .connection = connection.id(),
           .path = std::string(frame.path),
           .keys = {},
           .question = connection.Ask(frame.map)});
}

void MapSync::OnDiffRequest(Connection& connection, const wire::OrMapDiffRequestFrame& frame) {
  if (!MayRead(connection, frame.map)) return;
  if (frame.keys.size() > TreeRequest::kPathsMax) {
    return connection.writes().SendError(413, "keys: too many in one request");
  }
  Enqueue(connection, {CellKind::kOr, std::string(frame.map)},
          {.type = Request::Type::kDiff,
           .connection = connection.id(),
           .path = {},
           .keys = {frame.keys.begin(), frame.keys.end()},
           .question = connection.Ask(frame.map)});
}

bool MapSync::ValidName(Connection& connection, std::string_view map) {
  const std::string problem = wire::ValidateMapName(map, context_->options.op_limits);
  if (!problem.empty()) connection.writes().SendError(400, problem);
  return problem.empty();
}

bool MapSync::MayRead(Connection& connection, std::string_view map) {
  if (!ValidName(connection, map)) return false;
  const Decision decision = context_->gate.CheckRead(connection, map);
  if (decision != Decision::kAllow) AccessGate::RefuseRead(connection, decision, map);
  return decision == Decision::kAllow;
}

bool MapSync::Follow(Connection& connection, const MapKey& key, Following following) {
  following.readable = MayRead(connection, key.second);
  Follower& follower = followers_[&connection];
  if (follower.maps.size() < options_.maps_max || follower.maps.contains(key)) {
    follower.maps.insert(key);
    topics_[key].followers[&connection] = following;
  }
  return following.readable;
}

void MapSync::Recheck() {
  for (auto& [key, topic] : topics_) {
    bool heal = false;
    for (auto& [connection, following] : topic.followers) {
      const Decision decision = context_->gate.CheckRead(*connection, key.second);
      const bool readable = decision == Decision::kAllow;
      if (std::exchange(following.readable, readable) == readable) continue;
      if (!readable) AccessGate::RefuseRead(*connection, decision, key.second);
      heal = heal || readable;
    }
    if (heal) to_heal_.push_back(key);
  }
}

void MapSync::Forget(Connection& connection) {
  const auto found = followers_.find(&connection);
  if (found == followers_.end()) return;
  for (const MapKey& key : found->second.maps) {
    topics_[key].followers.erase(&connection);
    DropIfIdle(key);
  }
  followers_.erase(found);
}

void MapSync::DropIfIdle(const MapKey& key) {
  const auto topic = topics_.find(key);
  if (topic == topics_.end() || topic->second.reading || topic->second.gathering) return;
  if (topic->second.followers.empty() && topic->second.waiting.empty()) topics_.erase(topic);
}

// A connection sees its own writes: its requests wait until those are applied or refused.
void MapSync::Enqueue(Connection& connection, MapKey key, Request request) {
  Follower& follower = followers_[&connection];
  request.received_ms = clock_.NowMs();
  if (++follower.requests == options_.requests_max) {
    connection.writes().PauseReading(WritePath::Pause::kSync, true);
  }
  connection.AfterOwnChanges([this, key = std::move(key), request = std::move(request)]() mutable {
    Topic& topic = topics_[key];
    topic.waiting.push_back(std::move(request));
    StartSoon(key, topic);
  });
}

void MapSync::StartSoon(const MapKey& key, Topic& topic) {
  if (topic.reading || topic.waiting.empty() || std::exchange(topic.gathering, true)) return;
  AwaitBurst(key, 0);
}

void MapSync::AwaitBurst(const MapKey& key, size_t seen) {
  defer_([this, key, seen] {
    Topic& topic = topics_[key];
    const size_t waiting = topic.waiting.size();
    if (waiting > seen && waiting < kBurstMax) return AwaitBurst(key, waiting);
    topic.gathering = false;
    StartRead(key, topic);
    DropIfIdle(key);
  });
}

void MapSync::StartRead(const MapKey& key, Topic& topic) {
  if (topic.reading || topic.waiting.empty()) return;
  TreeRequest read{.kind = key.first, .map = key.second, .paths = {}};
  std::vector<Request> requests;
  Tracer::QuestionPtr question;  // one of those that the read is for
  absl::flat_hash_map<std::string, size_t> seen;
  const auto add = [&](const std::string& path) {
    if (seen.emplace(path, read.paths.size()).second) read.paths.push_back(path);
  };
  while (!topic.waiting.empty()) {
    Request& next = topic.waiting.front();
    if (read.paths.size() + std::max<size_t>(1, next.keys.size()) > TreeRequest::kPathsMax) break;
    if (next.type == Request::Type::kDiff) {
      for (const std::string& of_key : next.keys) add(crdt::MerklePath(of_key));
    } else {
      add(next.path);
    }
    if (next.question != nullptr) question = next.question;
    requests.push_back(std::move(next));
    topic.waiting.pop_front();
  }
  topic.reading = true;
  probe_.TreeRead(read.paths.size());
  std::vector<std::string> paths = read.paths;
  const Tracer::Scope scope(probe_.tracer(), std::move(question));
  reader_.ReadTree(std::move(read),
                   [this, key, requests = std::move(requests), paths = std::move(paths)](
                       const auto& answer) { OnAnswer(key, requests, paths, answer); });
}

void MapSync::OnAnswer(const MapKey& key, const std::vector<Request>& requests,
                       const std::vector<std::string>& paths,
                       const StatusOr<std::shared_ptr<const TreeAnswer>>& answer) {
  Topic& topic = topics_[key];
  topic.reading = false;
  absl::flat_hash_map<std::string, const TreeAnswer::Node*> nodes;
  for (size_t i = 0; answer.ok() && i < paths.size(); ++i) nodes[paths[i]] = &(*answer)->nodes[i];
  for (const Request& request : requests) {
    if (answer.ok()) {
      std::vector<const TreeAnswer::Node*> of_request;
      for (const std::string& of_key : request.keys) {
        of_request.push_back(nodes.at(crdt::MerklePath(of_key)));
      }
      if (request.type != Request::Type::kDiff) of_request.push_back(nodes.at(request.path));
      Answer(key, topic, request, of_request, (*answer)->horizon_ms);
    } else if (Connection* const connection = context_->table.Find(request.connection);
               connection != nullptr && request.type != Request::Type::kHeal) {
      connection->writes().SendError(kUnavailable,
                                     "map cannot be read at the moment: " + key.second);
    }
    if (request.question != nullptr) {
      probe_.tracer().Answered(*request.question, answer.status());
    }
    if (request.type != Request::Type::kHeal) {
      Answered(request.connection);
    } else if (!answer.ok()) {
      to_heal_.push_back(key);
    }
  }
  StartSoon(key, topic);
  DropIfIdle(key);
}

void MapSync::Answer(const MapKey& key, Topic& topic, const Request& request,
                     const std::vector<const TreeAnswer::Node*>& nodes, int64_t horizon_ms) {
  if (request.type == Request::Type::kHeal) {
    return SendHeals(key, topic, nodes.front()->hash, request.received_ms);
  }
  Connection* const connection = context_->table.Find(request.connection);
  if (connection == nullptr || !MayRead(*connection, key.second)) return;
  switch (request.type) {
    case Request::Type::kDiff:
      return connection->session().Reply(DiffFrame(key.second, request.keys, nodes));
    case Request::Type::kRoot:
      return AnswerRoot(*connection, key, request, nodes.front()->hash, horizon_ms);
    default:
      return AnswerBucket(*connection, key, topic, request, *nodes.front(), horizon_ms);
  }
}

// Nobody who never synced can hold what was removed meanwhile; without a horizon nothing was.
bool MapSync::TooOld(int64_t last_sync_ms, int64_t horizon_ms) const {
  return last_sync_ms > 0 && horizon_ms > 0 && last_sync_ms - options_.clock_skew_ms < horizon_ms;
}

void MapSync::AnswerRoot(Connection& connection, const MapKey& key, const Request& request,
                         uint32_t hash, int64_t horizon_ms) {
  if (!TooOld(request.last_sync_ms, horizon_ms)) {
    return SendRoot(connection, key, hash, request.received_ms, false);
  }
  // A client that starts an OR map anew drops its own ops as well: those that were refused for now
  // would be lost. Once they may come again, the client is revived and asks anew.
  if (key.first == CellKind::kOr && connection.writes().has_lost()) {
    return connection.writes().SendError(
        kUnavailable, "map starts anew once your refused writes were sent again: " + key.second);
  }
  probe_.SyncReset();
  if (key.first == CellKind::kLww) return connection.session().Reply(ResetFrame(key.second));
  SendRoot(connection, key, hash, request.received_ms - options_.clock_skew_ms, true);
}

void MapSync::AnswerBucket(Connection& connection, const MapKey& key, Topic& topic,
                           const Request& request, const TreeAnswer::Node& node,
                           int64_t horizon_ms) {
  const auto found = topic.followers.find(&connection);
  Following* const following = found == topic.followers.end() ? nullptr : &found->second;
  if (request.path.size() >= crdt::MerkleTree::kDepth) {
    connection.session().Reply(LeafFrame(key.first, key.second, request.path, node.cells));
  } else {
    const bool fill = key.first == CellKind::kOr && following != nullptr;
    const auto children = ChildrenToList(node, request.path, fill ? following->reported : 0);
    connection.session().Reply(BucketsFrame(key.first, key.second, request.path, children));
  }
  // Removals that the walk was to tell may have been pruned since it began.
  if (following == nullptr || !TooOld(following->last_sync_ms, horizon_ms)) return;
  const int64_t last_sync_ms = std::exchange(following->last_sync_ms, 0);
  if (clock_.NowMs() > following->since_ms + options_.walk_ms) return;
  Enqueue(connection, key,
          {.type = Request::Type::kRoot,
           .connection = connection.id(),
           .last_sync_ms = last_sync_ms,
           .path = {},
           .keys = {}});
}

void MapSync::SendRoot(Connection& connection, const MapKey& key, uint32_t hash, int64_t at_ms,
                       bool full_resync) {
  const crdt::TimestampView at{at_ms, 0, options_.node_id};
  connection.session().Reply(RootFrame(key.first, key.second, hash, at, full_resync));
}

void MapSync::Answered(ConnectionId id) {
  Connection* const connection = context_->table.Find(id);
  if (connection == nullptr) return;
  const auto follower = followers_.find(connection);
  if (follower == followers_.end()) return;
  if (--follower->second.requests == options_.requests_max / 2) {
    connection->writes().PauseReading(WritePath::Pause::kSync, false);
  }
}

}  // namespace topgun::gateway
