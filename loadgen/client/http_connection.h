// One kept-alive HTTP connection from opening it to its end, with one request on the way at a time.
//
// Lives until its last handler has run; Drop() and a failure detach it from its listener, so that
// those handlers are harmless. Used on its loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "client/client_stream.h"
#include "client/connector.h"
#include "client/http_exchange.h"
#include "client/traffic.h"
#include "client/url.h"

namespace topgun::loadgen {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnOpen() = 0;
    // Of any status. May call Post() and Drop().
    virtual void OnAnswer(const HttpAnswer& answer) = 0;
    // Ends every connection that was not ended by Drop(): not reachable, reset, too slow.
    virtual void OnClosed(std::string_view reason) = 0;
  };

  // `listener` and `traffic` must outlive the connection, or its Drop(). `source_ip`: the address
  // to connect from; the system's choice when empty.
  HttpConnection(boost::asio::io_context& io, const Endpoint& endpoint,
                 const std::string& source_ip, Listener& listener, Traffic& traffic);

  void Start();
  // Open and not waiting for an answer.
  bool idle() const { return open_ && !exchange_.busy(); }
  // While idle. `token`: empty for none.
  void Post(const std::string& target, const std::string& token, std::string body);
  void Drop();

 private:
  void Expect(std::chrono::milliseconds timeout, const char* problem);
  void Fail(std::string_view reason);
  void Close();

  const Endpoint endpoint_;
  const std::string source_ip_;
  Listener* listener_;  // null once detached
  ClientStream stream_;
  Connector connector_;
  HttpExchange exchange_;
  boost::asio::steady_timer timer_;
  bool open_ = false;
};

}  // namespace topgun::loadgen
