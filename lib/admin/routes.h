// The endpoints of one admin server, and the refusals that do not depend on the endpoint.
// Filled before the server starts, immutable then; used on its thread. Private to this library.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "admin/admin_server.h"

namespace topgun::admin {

using Handler = std::function<Response(const Request&)>;
using LaterHandler = std::function<void(const Request&, Respond)>;

class Routes {
 public:
  void Add(std::string path, Handler handler) { now_[std::move(path)] = std::move(handler); }
  void Add(std::string path, LaterHandler handler) { later_[std::move(path)] = std::move(handler); }

  // The answer, or nothing when `respond` will be called with it. 404 for an unknown path, 500 for
  // a handler that throws.
  std::optional<Response> Answer(const Request& request, const Respond& respond) const;

 private:
  std::map<std::string, Handler> now_;
  std::map<std::string, LaterHandler> later_;
};

// For endpoints that only show something: 405 for all methods but GET and HEAD.
Handler ReadOnly(std::function<Response()> show);
// For endpoints that change something: POST only (405), and only of who is local (403).
Handler ForLocalCommands(Handler handler);
LaterHandler ForLocalCommands(LaterHandler handler);

}  // namespace topgun::admin
