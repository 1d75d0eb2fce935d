#include "client/connector.h"

#include <netinet/in.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace topgun::loadgen {

namespace asio = boost::asio;

Connector::Connector(asio::io_context& io, ClientStream& stream, const Endpoint& endpoint,
                     const std::string& source_ip)
    : stream_(stream), endpoint_(endpoint), source_ip_(source_ip), resolver_(io) {}

void Connector::Start(std::weak_ptr<void> owner, Done done) {
  owner_ = std::move(owner);
  done_ = std::move(done);
  if (endpoint_.proxy_port != 0) {
    return ConnectTo({asio::ip::address_v4::loopback(), endpoint_.proxy_port});
  }
  // Thousands of connections to one address need no resolver.
  error_code not_numeric;
  const auto address = asio::ip::make_address(endpoint_.host, not_numeric);
  if (not_numeric) return Resolve();
  ConnectTo({address, static_cast<uint16_t>(std::stoi(endpoint_.port))});
}

void Connector::Cancel() {
  done_ = nullptr;
  resolver_.cancel();
}

void Connector::Resolve() {
  resolver_.async_resolve(
      endpoint_.host, endpoint_.port,
      [this, self = owner_.lock()](error_code error, const tcp::resolver::results_type& addresses) {
        if (!done_) return;
        if (error) return Finish(Unavailable(error.message()));
        if (!source_ip_.empty()) return ConnectTo(*addresses.begin());
        ConnectToAny(addresses);
      });
}

void Connector::ConnectToAny(const tcp::resolver::results_type& addresses) {
  asio::async_connect(
      stream_.socket(), addresses,
      [this, self = owner_.lock()](error_code error, const tcp::endpoint&) { OnConnected(error); });
}

void Connector::ConnectTo(const tcp::endpoint& address) {
  error_code error;
  std::string reason;
  tcp::socket& socket = stream_.socket();
  socket.open(address.protocol(), error);
  if (!error && !source_ip_.empty()) {
    // The port is chosen while connecting, so that it only has to be unique per target.
    using LatePort = asio::detail::socket_option::boolean<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>;
    socket.set_option(LatePort(true), error);
    if (!error) socket.bind({asio::ip::make_address(source_ip_, error), 0}, error);
    if (error) reason = "cannot connect from " + source_ip_ + ": " + error.message();
  }
  if (error) {
    if (reason.empty()) reason = error.message();
    // In a turn of its own: Start() must not call back.
    return asio::post(
        stream_.get_executor(),
        [this, self = owner_.lock(), reason = std::move(reason)] { Finish(Unavailable(reason)); });
  }
  socket.async_connect(address,
                       [this, self = owner_.lock()](error_code result) { OnConnected(result); });
}

void Connector::OnConnected(error_code error) {
  if (!done_) return;
  if (error) return Finish(Unavailable(error.message()));
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  if (endpoint_.tls == nullptr) return Finish(OkStatus());
  if (const Status status = stream_.UseTls(endpoint_.tls, endpoint_.host); !status.ok()) {
    return Finish(status);
  }
  stream_.async_handshake([this, self = owner_.lock()](error_code result) {
    if (!done_) return;
    Finish(result ? Unavailable("TLS handshake: " + stream_.Describe(result)) : OkStatus());
  });
}

void Connector::Finish(const Status& result) {
  const Done done = std::exchange(done_, nullptr);
  if (done) done(result);
}

}  // namespace topgun::loadgen
