// An administrator between fakes: requests go through the router, the cluster answers when told to.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "http/admin_endpoints.h"
#include "http/router.h"
#include "state/cell.h"
#include "wire/server_frame.h"

namespace topgun::gateway {

// The token names the role, "bad" is invalid.
class RoleVerifier final : public TokenVerifier {
 public:
  StatusOr<Principal> Verify(std::string_view token) const override {
    if (token == "bad") return Unauthenticated("bad token");
    return Principal{.user_id = "someone", .roles = {"reader", std::string(token)}};
  }
};

class FakeCounter final : public MapCounter {
 public:
  struct Asked {
    state::CellKind kind;
    std::string map;
    Done done;
  };

  void Count(state::CellKind kind, const std::string& map, Done done) override {
    asked.push_back({kind, map, std::move(done)});
  }
  // Answers the oldest question.
  void Answer(StatusOr<uint64_t> count) {
    const Done done = std::move(asked.front().done);
    asked.pop_front();
    done(std::move(count));
  }
  void AnswerAll(uint64_t count) {
    while (!asked.empty()) Answer(count);
  }

  std::deque<Asked> asked;
};

class FakeLosers final : public LoserReader {
 public:
  struct Asked {
    std::string map;
    std::optional<std::string> key;
    uint32_t limit;
    Done done;
  };

  void ReadLosers(const std::string& map, const std::optional<std::string>& key, uint32_t limit,
                  Done done) override {
    asked.push_back({map, key, limit, std::move(done)});
  }
  void Answer(std::vector<LostWrite> writes, size_t replicas_asked = 2,
              size_t replicas_answered = 2) {
    const Done done = std::move(asked.front().done);
    asked.pop_front();
    done({std::move(writes), replicas_asked, replicas_answered});
  }

  std::deque<Asked> asked;
};

class AdminHarness {
 public:
  explicit AdminHarness(AdminOptions options = {}, bool with_auth = true)
      : endpoints(options, {.verifier = with_auth ? &verifier : nullptr,
                            .limiter = limiter,
                            .stamp_node_id = "gateway-0",
                            .maps = dispatch.cells,
                            .counter = counter,
                            .reader = dispatch.reader,
                            .cells = dispatch.cells,
                            .losers = losers,
                            .trees = trees,
                            .writes = dispatch.detached,
                            .system_maps = dispatch.system_maps,
                            .system_store = dispatch.system_store,
                            .policies = policies,
                            .cluster = dispatch.cluster,
                            .membership = dispatch.membership,
                            .clock = dispatch.clock}) {
    endpoints.Mount(router);
  }

  // Sends a request of an administrator; the answer is in `answer` once it is there.
  void Send(std::string_view method, std::string_view path, std::string_view body = {},
            std::string_view authorization = "Bearer admin",
            std::string_view content_type = "application/json") {
    answer.reset();
    HttpRequest request;
    request.method = method;
    request.path = path.substr(0, path.find('?'));
    if (path.size() > request.path.size()) request.query = path.substr(request.path.size() + 1);
    request.body = body;
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
    request.peer = "10.0.0.1";
    router.Handle(request, [this](HttpResponse response) { answer = std::move(response); });
  }
  int status() const { return answer ? answer->status : 0; }
  boost::json::object Json() const {
    return boost::json::parse(answer ? answer->body : "{}").as_object();
  }
  std::string Message() const { return std::string(Json().at("message").as_string().c_str()); }
  std::string Field() const { return std::string(Json().at("field").as_string().c_str()); }

  // Finishes a write of a cluster's record: its row is read, then written.
  void AnswerWrite(OpOutcome outcome = OpOutcome::kApplied) {
    dispatch.cells.Answer();
    dispatch.sink.Answer(dispatch.written, outcome);
  }

  DispatchHarness dispatch;
  RoleVerifier verifier;
  AddressLimiter limiter{kAdminLimits};
  FakeCounter counter;
  FakeLosers losers;
  FakeTrees trees;
  PolicyStore policies{dispatch.system_store, dispatch.system_maps.policies(),
                       dispatch.reader,       dispatch.cells,
                       dispatch.clock,        RandomPolicyId};
  AdminEndpoints endpoints;
  Router router{{}, dispatch.registry, 0};
  std::optional<HttpResponse> answer;
};

inline std::string LwwCell(std::string_view value, crdt::TimestampView timestamp) {
  return state::EncodeCell({.version = {},
                            .commit_ms = 1,
                            .timestamp = timestamp,
                            .tombstone = value.empty(),
                            .has_ttl = false,
                            .ttl_ms = 0,
                            .value = value});
}

}  // namespace topgun::gateway
