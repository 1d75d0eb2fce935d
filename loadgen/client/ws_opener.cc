// The only file of the client that knows Beast, which makes the HTTP upgrade.
#include "client/ws_opener.h"

#include <netinet/in.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <utility>

#include "client/base64.h"

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::chrono::seconds kOpenTimeout{5};  // core.md 2.8

}  // namespace

// Kept by the handlers that use it.
struct WsOpener::Upgrade {
  std::string key;
  http::request<http::empty_body> request;
  http::response<http::empty_body> response;
  boost::beast::flat_buffer buffer;
};

WsOpener::WsOpener(asio::io_context& io, ClientStream& stream, const Endpoint& endpoint,
                   const std::string& source_ip, Random& random, WsClient::Traffic& traffic)
    : stream_(stream),
      endpoint_(endpoint),
      source_ip_(source_ip),
      random_(random),
      traffic_(traffic),
      resolver_(io),
      timer_(io) {}

void WsOpener::Start(std::weak_ptr<void> owner, Done done) {
  owner_ = std::move(owner);
  done_ = std::move(done);
  timer_.expires_after(kOpenTimeout);
  timer_.async_wait([this, self = owner_.lock()](error_code error) {
    if (!error) Fail("connecting timed out");
  });
  // Thousands of connections to one address need no resolver.
  error_code not_numeric;
  const auto address = asio::ip::make_address(endpoint_.host, not_numeric);
  if (not_numeric) return Resolve();
  ConnectTo({address, static_cast<uint16_t>(std::stoi(endpoint_.port))});
}

void WsOpener::Cancel() {
  done_ = nullptr;
  timer_.cancel();
  resolver_.cancel();
}

void WsOpener::Resolve() {
  resolver_.async_resolve(
      endpoint_.host, endpoint_.port,
      [this, self = owner_.lock()](error_code error, const tcp::resolver::results_type& addresses) {
        if (!done_) return;
        if (error) return Fail(error.message());
        if (!source_ip_.empty()) return ConnectTo(*addresses.begin());
        ConnectToAny(addresses);
      });
}

void WsOpener::ConnectToAny(const tcp::resolver::results_type& addresses) {
  asio::async_connect(
      stream_.socket(), addresses,
      [this, self = owner_.lock()](error_code error, const tcp::endpoint&) { OnConnected(error); });
}

void WsOpener::ConnectTo(const tcp::endpoint& address) {
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
    return asio::post(stream_.get_executor(),
                      [this, self = owner_.lock(), reason = std::move(reason)] { Fail(reason); });
  }
  socket.async_connect(address,
                       [this, self = owner_.lock()](error_code result) { OnConnected(result); });
}

void WsOpener::OnConnected(error_code error) {
  if (!done_) return;
  if (error) return Fail(error.message());
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  if (endpoint_.tls == nullptr) return SendUpgrade();
  if (const Status status = stream_.UseTls(endpoint_.tls, endpoint_.host); !status.ok()) {
    return Finish(status);
  }
  stream_.async_handshake([this, self = owner_.lock()](error_code result) {
    if (!done_) return;
    if (result) return Fail("TLS handshake: " + stream_.Describe(result));
    SendUpgrade();
  });
}

void WsOpener::SendUpgrade() {
  const auto upgrade = std::make_shared<Upgrade>();
  const uint64_t nonce[2] = {random_.Next(), random_.Next()};
  upgrade->key = Base64({reinterpret_cast<const char*>(nonce), sizeof nonce});
  auto& request = upgrade->request;
  request = {http::verb::get, endpoint_.path, 11};
  request.set(http::field::host, endpoint_.Authority());
  request.set(http::field::upgrade, "websocket");
  request.set(http::field::connection, "Upgrade");
  request.set(http::field::sec_websocket_key, upgrade->key);
  request.set(http::field::sec_websocket_version, "13");
  http::async_write(
      stream_, request, [this, self = owner_.lock(), upgrade](error_code error, size_t size) {
        if (!done_) return;
        if (error) return Fail(error.message());
        traffic_.bytes_sent += size;
        http::async_read(
            stream_, upgrade->buffer, upgrade->response,
            [this, self, upgrade](error_code result, size_t) { OnResponse(*upgrade, result); });
      });
}

void WsOpener::OnResponse(const Upgrade& upgrade, error_code error) {
  if (!done_) return;
  if (error) return Fail(error.message());
  const auto& response = upgrade.response;
  if (response.result() != http::status::switching_protocols) {
    return Fail("the upgrade was answered with HTTP " + std::to_string(response.result_int()));
  }
  if (response[http::field::sec_websocket_accept] != WebSocketAccept(upgrade.key)) {
    return Fail("the upgrade was answered with a wrong Sec-WebSocket-Accept");
  }
  const auto rest = upgrade.buffer.data();
  Finish(std::string(static_cast<const char*>(rest.data()), rest.size()));
}

void WsOpener::Fail(const std::string& reason) { Finish(Unavailable(reason)); }

void WsOpener::Finish(const StatusOr<std::string>& result) {
  const Done done = std::exchange(done_, nullptr);
  timer_.cancel();
  if (done) done(result);
}

}  // namespace topgun::loadgen
