// What carries a client's connection: a TCP socket, or TLS over one. The code above is a template
// of it, so that plain connections pay nothing for the other kind.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <span>
#include <type_traits>

#include "tls/stream.h"

namespace topgun::gateway {

using PlainTransport = boost::asio::ip::tcp::socket;
using TlsTransport = tls::Stream<boost::asio::ip::tcp::socket>;

template <class Transport>
inline constexpr bool kIsTls = std::is_same_v<Transport, TlsTransport>;

inline boost::asio::ip::tcp::socket& TcpOf(PlainTransport& transport) { return transport; }
inline boost::asio::ip::tcp::socket& TcpOf(TlsTransport& transport) {
  return transport.next_layer();
}

// Before nothing more is sent.
inline void SayGoodbye(PlainTransport&) {}
inline void SayGoodbye(TlsTransport& transport) { transport.session().SendCloseNotify(); }

// Reads what the peer still sends until it has closed, then closes: with bytes unread the kernel
// would reset the connection, and the client might lose the answer. `owner` says how long it stays
// interested, and sets a deadline.
template <class Owner>
void Linger(boost::asio::ip::tcp::socket& socket, std::span<char> scratch,
            std::shared_ptr<Owner> owner) {
  socket.async_wait(boost::asio::socket_base::wait_read,
                    [&socket, scratch, owner = std::move(owner)](boost::system::error_code error) {
                      if (error || !owner->lingering()) return;
                      const size_t size = socket.read_some(
                          boost::asio::buffer(scratch.data(), scratch.size()), error);
                      if (error != boost::asio::error::would_block && (error || size == 0))
                        return owner->Close();
                      Linger(socket, scratch, owner);
                    });
}

}  // namespace topgun::gateway
