#include "support/ws_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <utility>

namespace topgun::support {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kMessageBytesMax = size_t{64} << 20;

}  // namespace

struct WsClient::Impl {
  asio::io_context io;
  websocket::stream<tcp::socket> ws{io};
  beast::flat_buffer buffer;
  std::deque<std::string> received;
  std::string pong;
  int status = 0;
  bool reading = false;
  bool closed = false;

  void Read() {
    if (reading || closed) return;
    reading = true;
    ws.async_read(buffer, [this](error_code error, size_t) {
      reading = false;
      if (error) {
        closed = true;
        return;
      }
      received.push_back(beast::buffers_to_string(buffer.data()));
      buffer.consume(buffer.size());
    });
  }

  template <typename Done>
  bool RunUntil(const Done& done, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      io.restart();
      io.run_one_until(deadline);
    }
    return true;
  }
};

WsClient::WsClient(const Options& options) : impl_(std::make_unique<Impl>()) {
  error_code error;
  tcp::socket& socket = impl_->ws.next_layer();
  socket.connect({asio::ip::make_address(options.host), options.port}, error);
  if (error) {
    impl_->closed = true;
    return;
  }
  impl_->ws.read_message_max(kMessageBytesMax);
  impl_->ws.set_option(websocket::stream_base::decorator([&options](auto& request) {
    if (!options.origin.empty()) request.set(http::field::origin, options.origin);
  }));
  impl_->ws.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
    if (kind == websocket::frame_type::pong) impl_->pong.assign(payload.data(), payload.size());
  });
  websocket::response_type response;
  impl_->ws.handshake(response, options.host, options.path, error);
  impl_->status = static_cast<int>(response.result_int());
  impl_->closed = static_cast<bool>(error);
}

WsClient::~WsClient() { Drop(); }

int WsClient::status() const { return impl_->status; }

void WsClient::Send(std::string_view message, bool binary) {
  error_code error;
  impl_->ws.binary(binary);
  impl_->ws.write(asio::buffer(message.data(), message.size()), error);
}

void WsClient::SendFragments(std::string_view first, std::string_view second) {
  error_code error;
  impl_->ws.binary(true);
  impl_->ws.write_some(false, asio::buffer(first.data(), first.size()), error);
  impl_->ws.write_some(true, asio::buffer(second.data(), second.size()), error);
}

void WsClient::SendPing(std::string_view payload) {
  error_code error;
  impl_->ws.ping(websocket::ping_data(payload.data(), payload.size()), error);
}

void WsClient::SendRaw(std::string_view bytes) {
  error_code error;
  asio::write(impl_->ws.next_layer(), asio::buffer(bytes.data(), bytes.size()), error);
}

std::optional<std::string> WsClient::Receive(std::chrono::milliseconds patience) {
  if (impl_->received.empty()) impl_->Read();
  impl_->RunUntil([this] { return !impl_->received.empty() || impl_->closed; }, patience);
  if (impl_->received.empty()) return std::nullopt;
  std::string message = std::move(impl_->received.front());
  impl_->received.pop_front();
  return message;
}

const std::string& WsClient::pong() const { return impl_->pong; }

bool WsClient::WaitClosed(std::chrono::milliseconds patience) {
  return impl_->RunUntil(
      [this] {
        impl_->Read();
        return impl_->closed;
      },
      patience);
}

uint16_t WsClient::close_code() const {
  if (!impl_->ws.reason()) return impl_->closed && !impl_->ws.is_open() ? 1005 : 0;
  return impl_->ws.reason().code;
}

std::string WsClient::close_reason() const {
  const auto& reason = impl_->ws.reason().reason;
  return {reason.data(), reason.size()};
}

void WsClient::Drop() {
  error_code ignored;
  impl_->ws.next_layer().close(ignored);
  impl_->io.restart();
  impl_->io.poll();
}

int HttpGet(uint16_t port, const std::string& path, size_t header_bytes) {
  asio::io_context io;
  tcp::socket socket(io);
  error_code error;
  socket.connect({asio::ip::make_address("127.0.0.1"), port}, error);
  http::request<http::empty_body> request(http::verb::get, path, 11);
  request.set(http::field::host, "localhost");
  if (header_bytes > 0) request.set("X-Padding", std::string(header_bytes, 'x'));
  http::write(socket, request, error);
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(socket, buffer, response, error);
  return error ? 0 : static_cast<int>(response.result_int());
}

}  // namespace topgun::support
