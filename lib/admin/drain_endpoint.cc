#include "admin/drain_endpoint.h"

#include <string_view>
#include <utility>

namespace topgun::admin {
namespace {

Response Describe(const DrainHooks& hooks) {
  const bool draining = hooks.draining();
  const uint64_t left = hooks.left();
  const std::string_view state = !draining ? "serving" : left > 0 ? "draining" : "drained";
  std::string body = R"({"state":")";
  body.append(state).append(R"(","left":)").append(std::to_string(left));
  body.append(R"(,"unit":")").append(hooks.unit).append("\"}\n");
  return {.body = std::move(body), .content_type = "application/json"};
}

Response Answer(const DrainHooks& hooks, const Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return Describe(hooks);
  if (request.method != "POST") return {.status = 405, .body = "use GET or POST\n"};
  if (!request.local) {
    return {.status = 403,
            .body =
                "a drain is begun from the machine of the process only, and by no web page: "
                "use kubectl exec or port-forward, or send SIGTERM\n"};
  }
  if (!request.query.empty() && request.query != "cancel") {
    return {.status = 400, .body = "POST /drain or POST /drain?cancel\n"};
  }
  const Status done = request.query.empty() ? hooks.begin() : hooks.cancel();
  if (!done.ok()) return {.status = 409, .body = std::string(Message(done)) + "\n"};
  return Describe(hooks);
}

}  // namespace

void MountDrain(AdminServer& admin, DrainHooks hooks) {
  admin.Handle("/drain", [hooks = std::move(hooks)](const Request& request) {
    return Answer(hooks, request);
  });
}

}  // namespace topgun::admin
