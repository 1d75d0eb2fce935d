#include "routes.h"

#include <exception>
#include <utility>

#include "logging/logging.h"

namespace topgun::admin {

namespace {

// The answer to who may not give this command; nothing for who may.
std::optional<Response> RefusalOfCommand(const Request& request) {
  if (request.method != "POST") return Response{.status = 405, .body = "use POST\n"};
  if (!request.local) {
    return Response{.status = 403,
                    .body =
                        "commands are taken from the machine of the process only, and from no "
                        "web page: use kubectl exec or port-forward\n"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Response> Routes::Answer(const Request& request, const Respond& respond) const {
  try {
    if (const auto found = now_.find(request.path); found != now_.end()) {
      return found->second(request);
    }
    const auto found = later_.find(request.path);
    if (found == later_.end()) return Response{.status = 404, .body = "not found\n"};
    found->second(request, respond);
    return std::nullopt;
  } catch (const std::exception& error) {
    logging::Error("admin", "handler failed", {{"path", request.path}, {"error", error.what()}});
    return Response{.status = 500, .body = "internal error\n"};
  }
}

Handler ReadOnly(std::function<Response()> show) {
  return [show = std::move(show)](const Request& request) -> Response {
    if (request.method != "GET" && request.method != "HEAD") {
      return {.status = 405, .body = "method not allowed\n"};
    }
    return show();
  };
}

Handler ForLocalCommands(Handler handler) {
  return [handler = std::move(handler)](const Request& request) {
    if (auto refusal = RefusalOfCommand(request)) return *std::move(refusal);
    return handler(request);
  };
}

LaterHandler ForLocalCommands(LaterHandler handler) {
  return [handler = std::move(handler)](const Request& request, Respond respond) {
    if (auto refusal = RefusalOfCommand(request)) return respond(*std::move(refusal));
    handler(request, std::move(respond));
  };
}

}  // namespace topgun::admin
