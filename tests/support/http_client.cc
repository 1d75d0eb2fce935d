#include "support/http_client.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <utility>

namespace topgun::support {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

std::string Lower(beast::string_view text) {
  std::string lower(text.data(), text.size());
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

struct HttpClient::Impl {
  asio::io_context io;
  asio::ip::tcp::socket socket{io};
  beast::flat_buffer buffer;

  // Starts one operation and waits for its end.
  template <typename Start>
  error_code Run(Start&& start, std::chrono::milliseconds patience) {
    error_code result = asio::error::timed_out;
    bool done = false;
    start([&](error_code error, size_t) {
      result = error;
      done = true;
    });
    io.restart();
    io.run_for(patience);
    if (!done) {
      error_code ignored;
      socket.cancel(ignored);
      io.restart();
      io.run();
      return asio::error::timed_out;
    }
    return result;
  }
};

HttpClient::HttpClient(uint16_t port, const std::string& host) : impl_(std::make_unique<Impl>()) {
  error_code ignored;
  impl_->socket.connect({asio::ip::make_address(host), port}, ignored);
}

HttpClient::~HttpClient() { Drop(); }

bool HttpClient::Send(std::string_view bytes) {
  error_code error;
  asio::write(impl_->socket, asio::buffer(bytes.data(), bytes.size()), error);
  return !error;
}

std::optional<HttpAnswer> HttpClient::Receive(bool head, std::chrono::milliseconds patience) {
  http::response_parser<http::string_body> parser;
  parser.body_limit(size_t{64} << 20);
  parser.skip(head);
  const error_code error = impl_->Run(
      [&](auto done) { http::async_read(impl_->socket, impl_->buffer, parser, std::move(done)); },
      patience);
  if (error) return std::nullopt;
  HttpAnswer answer{.status = static_cast<int>(parser.get().result_int()),
                    .headers = {},
                    .body = std::move(parser.get().body())};
  for (const auto& field : parser.get()) {
    answer.headers[Lower(field.name_string())] =
        std::string(field.value().data(), field.value().size());
  }
  return answer;
}

bool HttpClient::WaitClosed(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::array<char, 4'096> bytes{};
  while (std::chrono::steady_clock::now() < deadline) {
    const error_code error = impl_->Run(
        [&](auto done) { impl_->socket.async_read_some(asio::buffer(bytes), std::move(done)); },
        patience);
    if (error) return error != asio::error::timed_out;
  }
  return false;
}

void HttpClient::Drop() {
  error_code ignored;
  impl_->socket.close(ignored);
}

int HttpExchange(uint16_t port, std::string_view method, std::string_view target,
                 std::string* body) {
  HttpClient client(port);
  client.Send(HttpRequestText(method, target));
  auto answer = client.Receive(method == "HEAD");
  if (!answer) return 0;
  if (body != nullptr) *body = std::move(answer->body);
  return answer->status;
}

std::string HttpRequestText(std::string_view method, std::string_view target, std::string_view body,
                            std::string_view headers) {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
  if (!body.empty()) text.append("Content-Length: " + std::to_string(body.size()) + "\r\n");
  return text.append("\r\n").append(body);
}

}  // namespace topgun::support
