// Accepts connections and hands them to the loops in turn: WebSockets at /ws and / (core.md 1.1),
// every other request is HTTP for the loop's handler (core.md 9).
//
// One acceptor per address, on the first loop; accepted sockets go round over all loops, so that a
// port in use is an error at start and few connections still spread evenly. The limits on messages
// and queues hold per connection.
//
// Owned by the app. Start() is called before the loops run, Stop() from any thread: it also ends
// HTTP connections between two requests. Sessions of a loop end when they are closed through their
// handlers; the loops outlive them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "http/http.h"
#include "probe.h"
#include "tls/reloader.h"
#include "ws/session.h"

namespace topgun::gateway {

class TlsProbe;

// How clients speak TLS.
struct ListenerTls {
  std::shared_ptr<const tls::ContextSource> contexts;  // null: they speak plain text
  uint32_t handshakes_max = 1'000;                     // at a time; others are closed
  std::chrono::milliseconds handshake_timeout{5'000};
  TlsProbe* probe = nullptr;  // not null when contexts is not
};

// What may change while the listener runs.
struct ListenerLimits {
  uint64_t connections_max = 50'000;
  uint64_t http_body_bytes_max = uint64_t{16} << 20;
  OutboundLimits outbound;
};

struct ListenerOptions {
  std::string host;  // an address, or "localhost" for 127.0.0.1 and ::1
  uint16_t port = 0;
  uint64_t message_bytes_before_auth_max = uint64_t{2} << 20;
  std::chrono::milliseconds upgrade_timeout{5'000};  // for a header, and a handshake
  uint32_t header_bytes_max = 8 * 1024;
  // HTTP: what is beyond ends the connection, where it makes sense with 408, 413, 431 or 503.
  uint64_t http_body_bytes_per_loop_max = uint64_t{64} << 20;  // read or worked on at a time
  std::chrono::milliseconds http_idle_timeout{60'000};         // between two requests
  std::chrono::milliseconds http_body_timeout{30'000};
  std::chrono::milliseconds http_handling_timeout{60'000};  // the handler has its own, shorter
  std::chrono::milliseconds http_write_timeout{60'000};
  // Values of the Origin header that may connect; empty: any.
  std::vector<std::string> allowed_origins;
  // Clients reach us through something that ends their TLS: their URLs begin with wss.
  bool tls_in_front = false;
  ListenerTls tls;
  ListenerLimits limits;
};

class Listener {
 public:
  struct Loop {
    boost::asio::io_context* io = nullptr;
    // Called on that loop only.
    SessionAcceptor* acceptor = nullptr;
    HttpHandler* http = nullptr;
    Probe* probe = nullptr;
    // Counts the requests that are being read, worked on or answered. Outlives the io_context.
    size_t* http_requests = nullptr;
  };

  virtual ~Listener() = default;

  virtual Status Start() = 0;
  virtual uint16_t port() const = 0;  // after Start()
  // Whether WebSockets are refused (HTTP 503 with Retry-After) while HTTP is served. Any thread.
  virtual void RefuseWebSockets(bool refuse) = 0;
  virtual void Stop() = 0;  // no new connections
  // Any thread, while the loops run: each loop takes them over, for connections that are there,
  // too.
  virtual void SetLimits(const ListenerLimits& limits) = 0;
};

std::unique_ptr<Listener> MakeListener(ListenerOptions options, std::vector<Listener::Loop> loops);

}  // namespace topgun::gateway
