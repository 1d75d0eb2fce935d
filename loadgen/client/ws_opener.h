// Opens a WebSocket connection: connects to the endpoint and makes the HTTP upgrade.
//
// A part of the connection that it opens, on its loop's thread. Ends by itself after a while.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "client/client_stream.h"
#include "client/connector.h"
#include "client/http_exchange.h"
#include "client/traffic.h"
#include "client/url.h"
#include "workload/random.h"

namespace topgun::loadgen {

class WsOpener {
 public:
  // The bytes that came right behind the response, or why there is no connection.
  using Done = std::function<void(const StatusOr<std::string>& first_bytes)>;

  // The references must outlive the opener, `traffic` only until it is done or cancelled.
  // `source_ip`: the address to connect from; the system's choice when empty.
  WsOpener(boost::asio::io_context& io, ClientStream& stream, const Endpoint& endpoint,
           const std::string& source_ip, Random& random, Traffic& traffic);

  // Calls `done` once, in a later turn of the loop. Whatever waits keeps `owner` alive, of which
  // this opener is a part.
  void Start(const std::weak_ptr<void>& owner, Done done);
  // `done` is not called any more. The stream is left to its owner.
  void Cancel();

 private:
  void SendUpgrade();
  StatusOr<std::string> Check(const HttpAnswer& answer) const;
  void Finish(const StatusOr<std::string>& result);

  const Endpoint& endpoint_;
  Random& random_;
  Connector connector_;
  HttpExchange exchange_;
  boost::asio::steady_timer timer_;
  std::weak_ptr<void> owner_;
  std::string key_;
  Done done_;  // null before, and once it is over
};

}  // namespace topgun::loadgen
