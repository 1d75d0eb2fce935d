// Opens a WebSocket connection: address, TCP, TLS if the endpoint asks for it, HTTP upgrade.
//
// A part of the connection that it opens, on its loop's thread. Ends by itself after a while.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "client/client_stream.h"
#include "client/url.h"
#include "client/ws_client.h"
#include "workload/random.h"

namespace topgun::loadgen {

class WsOpener {
 public:
  // The bytes that came right behind the response, or why there is no connection.
  using Done = std::function<void(const StatusOr<std::string>& first_bytes)>;

  // The references must outlive the opener, `traffic` only until it is done or cancelled.
  // `source_ip`: the address to connect from; the system's choice when empty.
  WsOpener(boost::asio::io_context& io, ClientStream& stream, const Endpoint& endpoint,
           const std::string& source_ip, Random& random, WsClient::Traffic& traffic);

  // Calls `done` once, in a later turn of the loop. Whatever waits keeps `owner` alive, of which
  // this opener is a part.
  void Start(std::weak_ptr<void> owner, Done done);
  // `done` is not called any more. The stream is left to its owner.
  void Cancel();

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  struct Upgrade;

  void Resolve();
  void ConnectTo(const tcp::endpoint& address);
  void ConnectToAny(const tcp::resolver::results_type& addresses);
  void OnConnected(error_code error);
  void SendUpgrade();
  void OnResponse(const Upgrade& upgrade, error_code error);
  void Fail(const std::string& reason);
  void Finish(const StatusOr<std::string>& result);

  ClientStream& stream_;
  const Endpoint& endpoint_;
  const std::string& source_ip_;
  Random& random_;
  WsClient::Traffic& traffic_;
  tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  std::weak_ptr<void> owner_;
  Done done_;  // null before, and once it is over
};

}  // namespace topgun::loadgen
