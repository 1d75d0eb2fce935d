// Connects a stream to an endpoint: address, TCP, TLS if the endpoint asks for it.
//
// A part of the connection that it opens, on its loop's thread. Has no timeout of its own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "client/client_stream.h"
#include "client/url.h"

namespace topgun::loadgen {

class Connector {
 public:
  // OK, or why there is no connection.
  using Done = std::function<void(const Status&)>;

  // The references must outlive the connector. `source_ip`: the address to connect from; the
  // system's choice when empty.
  Connector(boost::asio::io_context& io, ClientStream& stream, const Endpoint& endpoint,
            const std::string& source_ip);

  // Calls `done` once, in a later turn of the loop. Whatever waits keeps `owner` alive, of which
  // this connector is a part.
  void Start(std::weak_ptr<void> owner, Done done);
  // `done` is not called any more. The stream is left to its owner.
  void Cancel();

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;

  void Resolve();
  void ConnectTo(const tcp::endpoint& address);
  void ConnectToAny(const tcp::resolver::results_type& addresses);
  void OnConnected(error_code error);
  void Finish(const Status& result);

  ClientStream& stream_;
  const Endpoint& endpoint_;
  const std::string& source_ip_;
  tcp::resolver resolver_;
  std::weak_ptr<void> owner_;
  Done done_;  // null before, and once it is over
};

}  // namespace topgun::loadgen
