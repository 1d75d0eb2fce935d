// One WebSocket connection as the rest of the gateway sees it: no Beast, no sockets.
//
// A session belongs to one loop; every call and callback happens on that loop's thread. The
// adapter owns sessions; a handler may keep its reference until OnClosed() has returned.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "ws/outbound_queue.h"

namespace topgun::gateway {

// Why a connection ends. A closed set: the names are metric labels.
enum class CloseCause : uint8_t {
  kPeer,          // the client closed, or its socket broke
  kAuthFailed,    // empty close frame (core.md 2.3)
  kAuthTimeout,   // 1000 "authentication timeout"
  kIdle,          // 1000 "idle timeout"
  kSlowConsumer,  // 1013, what is queued is thrown away
  kOverload,      // 1013: more lost writes than the gateway remembers
  kShutdown,      // 1012 "server shutting down": the gateway drains
  kAged,          // 1012 "connection has reached its age"
  kOperator,      // 1001 "closed by an operator"
};
inline constexpr size_t kCloseCauseCount = size_t{1} + static_cast<size_t>(CloseCause::kOperator);

std::string_view Name(CloseCause cause);

// What the client asked for when it connected: with it the URL that it used (core.md 8.4).
struct UpgradeRequest {
  std::string host;     // the Host header: name or address, and the port if the client wrote one
  std::string target;   // path and query
  bool secure = false;  // the client speaks TLS to whatever is in front of us
  std::string peer =
      {};  // address of the socket's other end: the client, or what is in front of us
  // W3C Trace Context, as it came; empty: none.
  std::string traceparent = {};
  std::string tracestate = {};
  std::chrono::steady_clock::time_point received = {};
};

class Session {
 public:
  virtual ~Session() = default;

  virtual const UpgradeRequest& request() const = 0;

  // An answer: never dropped, but many bytes of them pause reading.
  virtual void Reply(std::string frame) = 0;
  // Overtakes everything queued (PONG).
  virtual void Urgent(std::string frame) = 0;
  // News. False: the peer reads too slowly, so the connection is being closed, or a lossy frame
  // lost.
  virtual bool Push(PushFrame frame) = 0;

  // Sends what is queued (unless the cause says otherwise), then closes. Idempotent. OnClosed()
  // follows in a later turn of the loop.
  virtual void Close(CloseCause cause) = 0;

  // That wait to be sent.
  virtual size_t queued_bytes() const = 0;
  virtual Backlog backlog() const = 0;

  // Gives back memory that only load needs; for connections that are idle at the moment.
  virtual void Trim() = 0;

  virtual void SetMessageBytesMax(uint64_t bytes) = 0;
  // Stops and restarts reading from the socket; frames already received may still arrive.
  virtual void PauseReading(bool paused) = 0;
};

class SessionHandler {
 public:
  virtual ~SessionHandler() = default;

  // `message` is valid during the call only.
  virtual void OnMessage(std::string_view message, bool binary) = 0;
  // The last call; the session is gone afterwards.
  virtual void OnClosed(CloseCause cause) = 0;
};

// Decides what happens with new connections.
class SessionAcceptor {
 public:
  virtual ~SessionAcceptor() = default;
  // The handler outlives the session's OnClosed().
  virtual SessionHandler& OnOpen(Session& session) = 0;
};

}  // namespace topgun::gateway
