// A WebSocket client connection, without naming the library that makes it.
//
// Belongs to one io_context and is used on its thread only. Frames handed to Send() during one
// turn of the event loop leave in one socket write.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "client/traffic.h"
#include "client/url.h"

namespace boost::asio {
class io_context;
}

namespace topgun::loadgen {

class WsClient {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnOpen() = 0;
    // A complete binary message; the bytes are valid during the call. May call Send() and Close().
    virtual void OnMessage(std::string_view message) = 0;
    // Ends every Connect() that was not ended by Close(): not reachable, refused, reset, closed.
    virtual void OnClosed(std::string_view reason) = 0;
  };

  virtual ~WsClient() = default;

  // Starts over; a connection that exists is dropped without a callback.
  virtual void Connect() = 0;
  // One binary message made of the parts in a row. Ignored unless open.
  virtual void Send(std::initializer_list<std::string_view> parts) = 0;
  // Sends what is queued and a close frame, and lets the server end the connection; no callback
  // follows.
  virtual void Close() = 0;
  // Breaks the connection without a word; no callback follows.
  virtual void Drop() = 0;
  // Leaves everything that comes in the socket from now on, so that the server's writes jam. The
  // end of such a connection is noticed by the next Send() after it. Connect() reads again.
  virtual void StopReading() = 0;
};

// `listener` and `traffic` must outlive the client. `source_ip`: the address to connect from; the
// system's choice when empty.
std::unique_ptr<WsClient> MakeWsClient(boost::asio::io_context& io, const Endpoint& endpoint,
                                       const std::string& source_ip, WsClient::Listener& listener,
                                       Traffic& traffic);

}  // namespace topgun::loadgen
