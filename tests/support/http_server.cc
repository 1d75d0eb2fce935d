#include "support/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

namespace topgun::support {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

size_t ContentLength(std::string head) {
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::string_view kName = "content-length:";
  const size_t at = head.find(kName);
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + kName.size(), nullptr, 10);
}

}  // namespace

// Everything asynchronous, so that stopping the io_context ends whatever it waits for.
struct HttpServer::Impl {
  explicit Impl(Answer answer_in)
      : answer(std::move(answer_in)),
        acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        socket(io) {
    Accept();
    thread = std::thread([this] { io.run(); });
  }
  ~Impl() {
    io.stop();
    thread.join();
  }

  void Accept() {
    acceptor.async_accept(socket, [this](error_code error) {
      if (error) return;
      buffer.consume(buffer.size());
      ReadHead();
    });
  }

  void Again() {
    error_code ignored;
    socket.close(ignored);
    socket = tcp::socket(io);
    Accept();
  }

  void ReadHead() {
    asio::async_read_until(socket, buffer, "\r\n\r\n", [this](error_code error, size_t size) {
      if (error) return Again();
      request.head = Take(size);
      const size_t length = ContentLength(request.head);
      const size_t missing = length > buffer.size() ? length - buffer.size() : 0;
      asio::async_read(socket, buffer, asio::transfer_exactly(missing),
                       [this, length](error_code failed, size_t) {
                         if (failed) return Again();
                         request.body = Take(length);
                         Reply();
                       });
    });
  }

  std::string Take(size_t size) {
    const auto* const data = static_cast<const char*>(buffer.data().data());
    std::string taken(data, size);
    buffer.consume(size);
    return taken;
  }

  void Reply() {
    {
      const std::lock_guard lock(mutex);
      requests.push_back(request);
    }
    const ServerAnswer reply = answer(request);
    if (reply.hang) return;
    out = "HTTP/1.1 " + std::to_string(reply.status) + " Answer\r\n" + reply.headers +
          "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body;
    asio::async_write(socket, asio::buffer(out),
                      [this](error_code error, size_t) { error ? Again() : ReadHead(); });
  }

  const Answer answer;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  tcp::socket socket;
  asio::streambuf buffer;
  ServerRequest request;
  std::string out;
  std::mutex mutex;
  std::vector<ServerRequest> requests;
  std::thread thread;
};

HttpServer::HttpServer(Answer answer) : impl_(std::make_unique<Impl>(std::move(answer))) {}

HttpServer::~HttpServer() = default;

uint16_t HttpServer::port() const { return impl_->acceptor.local_endpoint().port(); }

std::vector<ServerRequest> HttpServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

}  // namespace topgun::support
