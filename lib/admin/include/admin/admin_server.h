// The admin port of a process: a small HTTP/1.1 server with /metrics, /livez and /readyz.
//
//   admin::AdminServer admin(options.admin_listen, registry, [&] { return app.Readiness(); });
//   RETURN_IF_ERROR(admin.Start());
//
// /livez answers 200 as long as the process can answer at all; /readyz answers 200 or 503 with the
// reason as body. Owned by main. Start() begins one thread; every handler and the readiness
// function run on it, so they must be quick, thread-safe towards the rest of the process, and must
// not call Stop(). Stop() closes all connections and joins the thread; after it no handler runs.
//
// The port is for probes and scrapers inside the cluster: it has limits but neither TLS nor
// authentication.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "metrics/registry.h"

namespace topgun::admin {

struct Request {
  std::string method;  // "GET"
  std::string path;    // without the query
  std::string query;   // after the '?', undecoded
  std::string body;
  // From this machine, and from no web page (no Origin): may change the process. Nobody else may,
  // for the port has no authentication.
  bool local = false;
};

struct Response {
  int status = 200;
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
};

struct Limits {
  size_t connections_max = 64;  // further ones are closed at once
  uint32_t header_bytes_max = 8 * 1024;
  uint32_t body_bytes_max = 64 * 1024;
  // For one request to arrive, also on an idle connection (longer than a scrape interval), and for
  // one response to leave.
  std::chrono::milliseconds io_timeout = std::chrono::seconds(65);
  // For the answer of an endpoint that answers later; beyond, 504.
  std::chrono::milliseconds answer_timeout = std::chrono::seconds(150);
};

// Answers a request later: from any thread, once; a second call is ignored, as is one after Stop().
using Respond = std::function<void(Response)>;

class AdminServer {
 public:
  struct Readiness {
    bool ready = false;
    std::string body = {};
  };

  // `listen` is host:port; port 0 takes any free one. `registry` outlives the server.
  AdminServer(std::string listen, const metrics::Registry& registry,
              std::function<Readiness()> readiness, Limits limits = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Adds an endpoint for all methods; before Start() only.
  void Handle(std::string path, std::function<Response(const Request&)> handler);
  // The same for what takes long: the handler must be quick, too, and hand the work over to where
  // it may take its time. The server answers other connections meanwhile.
  void HandleLater(std::string path, std::function<void(const Request&, Respond)> handler);

  // An endpoint that changes something: POST only, and only Request::local.
  void HandleCommand(std::string path, std::function<Response(const Request&)> handler);
  void HandleCommandLater(std::string path, std::function<void(const Request&, Respond)> handler);

  Status Start();         // once
  uint16_t port() const;  // the bound port, after Start()
  void Stop();            // idempotent; the destructor calls it

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::admin
