// The transport of a client: a TCP socket, or TLS over one. Asio's stream for both, so that one
// connection class serves ws:// and wss://; choosing costs a branch per read and write.
//
// Belongs to one connection, used on its loop's thread.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "tls/stream.h"

namespace topgun::loadgen {

class ClientStream {
 public:
  using tcp = boost::asio::ip::tcp;
  using executor_type = tcp::socket::executor_type;
  using error_code = boost::system::error_code;

  explicit ClientStream(boost::asio::io_context& io) : socket_(io) {}

  executor_type get_executor() { return socket_.get_executor(); }
  tcp::socket& socket() { return socket_; }

  // Once the socket is connected: everything from the handshake on is TLS. The server's
  // certificate must be for `host`.
  Status UseTls(tls::ContextPtr context, const std::string& host) {
    tls_.emplace(socket_, std::move(context), tls::Role::kClient);
    return tls_->session().SetServerName(host);
  }
  template <class Token>
  auto async_handshake(Token&& token) {
    return tls_->async_handshake(std::forward<Token>(token));
  }
  std::string Describe(const error_code& error) const { return tls_->session().Describe(error); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, size_t)>(
        [this](auto handler, const Buffers& space) {
          tls_ ? tls_->async_read_some(space, std::move(handler))
               : socket_.async_read_some(space, std::move(handler));
        },
        token, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, size_t)>(
        [this](auto handler, const Buffers& data) {
          tls_ ? tls_->async_write_some(data, std::move(handler))
               : socket_.async_write_some(data, std::move(handler));
        },
        token, buffers);
  }

 private:
  tcp::socket socket_;
  std::optional<tls::Stream<tcp::socket&>> tls_;  // ends before its socket
};

}  // namespace topgun::loadgen
