// A TLS connection as an Asio stream: what Asio and Beast need, over Session.
//
// `Socket` is a stream socket of Asio, or a reference to one (then it stays the caller's). The
// socket is connected when the handshake begins, and is switched to non-blocking. One read, one
// write and one wait may be in flight at a time. Movable while nothing is. The socket's owner sets
// time limits by cancelling or closing it.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/system_error.hpp>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "tls/session.h"

namespace topgun::tls {

template <class Socket>
class Stream {
 public:
  using next_layer_type = std::remove_reference_t<Socket>;
  using executor_type = typename next_layer_type::executor_type;
  using wait_type = boost::asio::socket_base::wait_type;
  using error_code = boost::system::error_code;

  Stream(Socket socket, ContextPtr context, Role role)
      : socket_(std::forward<Socket>(socket)), session_(std::move(context), role) {}

  executor_type get_executor() { return socket_.get_executor(); }
  next_layer_type& next_layer() { return socket_; }
  const next_layer_type& next_layer() const { return socket_; }
  Session& session() { return session_; }
  const Session& session() const { return session_; }

  // void(error_code)
  template <class Token>
  auto async_handshake(Token&& token) {
    return boost::asio::async_compose<Token, void(error_code)>(HandshakeOp{*this}, token, socket_);
  }

  // Do not block: asio::error::would_block.
  template <class Buffers>
  size_t read_some(const Buffers& buffers, error_code& error) {
    error = Closed();
    if (error) return 0;
    const boost::asio::mutable_buffer space = FirstOf<boost::asio::mutable_buffer>(buffers);
    if (space.size() == 0) return 0;
    return session_.Read(static_cast<char*>(space.data()), space.size(), error);
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers, error_code& error) {
    error = Closed();
    if (error) return 0;
    const boost::asio::const_buffer data = FirstOf<boost::asio::const_buffer>(buffers);
    const size_t all = boost::asio::buffer_size(buffers);
    if (data.size() == all) {
      return all == 0 ? 0 : session_.Write(static_cast<const char*>(data.data()), all, error);
    }
    // Every write is a record and a system call: small pieces leave together.
    std::array<char, kRecordBytesMax> record;
    const size_t size = boost::asio::buffer_copy(boost::asio::buffer(record), buffers);
    return session_.Write(record.data(), size, error);
  }

  // void(error_code, size_t)
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(error_code, size_t)>(
        ReadOp<Buffers>{*this, buffers}, token, socket_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(error_code, size_t)>(
        WriteOp<Buffers>{*this, buffers}, token, socket_);
  }
  // void(error_code). wait_read also ends when data has been received but not yet read.
  template <class Token>
  auto async_wait(wait_type what, Token&& token) {
    return boost::asio::async_compose<Token, void(error_code)>(WaitOp{*this, what}, token, socket_);
  }

  void cancel(error_code& error) { socket_.cancel(error); }
  void close(error_code& error) { socket_.close(error); }

 private:
  static constexpr size_t kRecordBytesMax = size_t{16} << 10;

  template <class Buffer, class Buffers>
  static Buffer FirstOf(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end; ++it) {
      if (const Buffer buffer = *it; buffer.size() > 0) return buffer;
    }
    return {};
  }

  // What was posted before the socket was closed runs after it, when the number that OpenSSL knows
  // may belong to another one.
  error_code Closed() const {
    return socket_.is_open() ? error_code() : boost::asio::error::operation_aborted;
  }

  // A read, or the handshake, needs the socket.
  template <class Handler>
  void AwaitReadable(Handler&& handler) {
    if (session_.MayHoldData()) {
      return boost::asio::post(get_executor(), std::forward<Handler>(handler));
    }
    socket_.async_wait(session_.ReadWantsWrite() ? boost::asio::socket_base::wait_write
                                                 : boost::asio::socket_base::wait_read,
                       std::forward<Handler>(handler));
  }
  template <class Handler>
  void AwaitWritable(Handler&& handler) {
    socket_.async_wait(session_.WriteWantsRead() ? boost::asio::socket_base::wait_read
                                                 : boost::asio::socket_base::wait_write,
                       std::forward<Handler>(handler));
  }

  struct HandshakeOp {
    Stream& stream;
    bool started = false;

    template <class Self>
    void operator()(Self& self, error_code error = {}) {
      if (!std::exchange(started, true)) {
        stream.socket_.non_blocking(true, error);
        return boost::asio::post(stream.get_executor(), std::move(self));
      }
      if (!error) error = stream.Closed();
      if (!error) stream.session_.Handshake(stream.socket_.native_handle(), error);
      if (error == boost::asio::error::would_block) return stream.AwaitReadable(std::move(self));
      self.complete(error);
    }
  };

  template <class Buffers>
  struct ReadOp {
    Stream& stream;
    Buffers buffers;
    bool started = false;

    template <class Self>
    void operator()(Self& self, error_code error = {}) {
      if (!std::exchange(started, true)) return stream.AwaitReadable(std::move(self));
      size_t size = 0;
      if (!error) size = stream.read_some(buffers, error);
      if (error == boost::asio::error::would_block) return stream.AwaitReadable(std::move(self));
      self.complete(error, size);
    }
  };

  // Tries first: most writes fit into the socket at once.
  template <class Buffers>
  struct WriteOp {
    Stream& stream;
    Buffers buffers;
    size_t size = 0;
    error_code result = {};
    bool resumed = false;
    bool done = false;

    template <class Self>
    void operator()(Self& self, error_code error = {}) {
      if (done) return self.complete(result, size);
      if (!error) size = stream.write_some(buffers, error);
      const bool first = !std::exchange(resumed, true);
      if (error == boost::asio::error::would_block) return stream.AwaitWritable(std::move(self));
      if (!first) return self.complete(error, size);
      done = true;
      result = error;
      boost::asio::post(stream.get_executor(), std::move(self));
    }
  };

  struct WaitOp {
    Stream& stream;
    wait_type what;
    bool started = false;

    template <class Self>
    void operator()(Self& self, error_code error = {}) {
      if (std::exchange(started, true)) return self.complete(error);
      if (what == boost::asio::socket_base::wait_read) {
        return stream.AwaitReadable(std::move(self));
      }
      stream.socket_.async_wait(what, std::move(self));
    }
  };

  Socket socket_;  // first: the session uses it to its end
  Session session_;
};

}  // namespace topgun::tls
