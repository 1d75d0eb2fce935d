#include "admin/admin_server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/thread_name.h"
#include "late_answer.h"
#include "routes.h"

namespace topgun::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

struct Endpoint {
  std::string host;
  std::string port;
};

// host:port, [ipv6]:port or :port. The resolver would take 70000 and wrap it around.
StatusOr<Endpoint> ParseListen(std::string_view listen) {
  const size_t colon = std::min(listen.rfind(':'), listen.size());
  std::string_view host = listen.substr(0, colon);
  const std::string_view port = listen.substr(std::min(colon + 1, listen.size()));
  uint16_t number = 0;
  const char* const end = port.data() + port.size();
  if (const auto parsed = std::from_chars(port.data(), end, number);
      parsed.ec != std::errc() || parsed.ptr != end) {
    return InvalidArgument("admin port: not host:port: " + std::string(listen));
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return Endpoint{std::string(host), std::string(port)};
}

std::string ToString(boost::core::string_view text) { return {text.data(), text.size()}; }

bool IsLoopback(const tcp::socket& socket) {
  error_code error;
  const auto address = socket.remote_endpoint(error).address();
  if (error) return false;
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
}

Request ToRequest(HttpRequest&& message, bool from_loopback) {
  const std::string target = ToString(message.target());
  const size_t question = std::min(target.find('?'), target.size());
  return {.method = ToString(message.method_string()),
          .path = target.substr(0, question),
          .query = question < target.size() ? target.substr(question + 1) : std::string(),
          .body = std::move(message.body()),
          .local = from_loopback && message[http::field::origin].empty()};
}

HttpResponse ToHttp(Response response, const HttpRequest::header_type& request, bool keep_alive) {
  HttpResponse message(http::int_to_status(static_cast<unsigned>(response.status)),
                       request.version());
  message.set(http::field::content_type, response.content_type);
  message.keep_alive(keep_alive);
  message.content_length(response.body.size());
  if (request.method() != http::verb::head) message.body() = std::move(response.body);
  return message;
}

// The answer to a request that could not be read whole, when there is one.
std::optional<Response> AnswerToUnreadable(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Response{.status = 431, .body = "header too large\n"};
  }
  if (error == http::error::body_limit) return Response{.status = 413, .body = "body too large\n"};
  if (error.category() == make_error_code(http::error::bad_version).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return Response{.status = 400, .body = "bad request\n"};
  }
  return std::nullopt;
}

// Counts a connection for as long as its coroutine exists.
class ConnectionSlot {
 public:
  explicit ConnectionSlot(size_t& count) : count_(count) { ++count_; }
  ~ConnectionSlot() { --count_; }
  ConnectionSlot(const ConnectionSlot&) = delete;
  ConnectionSlot& operator=(const ConnectionSlot&) = delete;

 private:
  size_t& count_;
};

}  // namespace

struct AdminServer::Impl {
  std::string listen;
  Limits limits;
  Routes routes;
  uint16_t port = 0;
  size_t connections = 0;  // of the server thread
  // After what its coroutines use: destroying it destroys them.
  std::unique_ptr<asio::io_context> loop;
  std::shared_ptr<LoopHandle> loop_handle;
  std::optional<tcp::acceptor> acceptor;
  std::thread thread;

  Status Listen();
  asio::awaitable<void> AcceptAll();
  asio::awaitable<void> Serve(tcp::socket socket);
  asio::awaitable<Response> Answer(Request request);
};

Status AdminServer::Impl::Listen() {
  ASSIGN_OR_RETURN(const Endpoint endpoint, ParseListen(listen));
  error_code error;
  tcp::resolver resolver(*loop);
  const auto found = resolver.resolve(endpoint.host, endpoint.port, tcp::resolver::passive, error);
  if (error) return InvalidArgument("admin port " + listen + ": " + error.message());
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor.emplace(*loop);
  acceptor->open(address.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(address, error);
  if (!error) acceptor->listen(tcp::acceptor::max_listen_connections, error);
  if (error) return Unavailable("admin port " + listen + ": " + error.message());
  port = acceptor->local_endpoint(error).port();
  return OkStatus();
}

asio::awaitable<void> AdminServer::Impl::AcceptAll() {
  asio::steady_timer pause(*loop);
  for (;;) {
    auto [error, socket] = co_await acceptor->async_accept(kAsTuple);
    if (error) {
      // Most likely out of file descriptors: they come back, trying without a break would not help.
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kAsTuple);
    } else if (connections < limits.connections_max) {
      asio::co_spawn(*loop, Serve(std::move(socket)), asio::detached);
    }
  }
}

asio::awaitable<void> AdminServer::Impl::Serve(tcp::socket socket) {
  const ConnectionSlot slot(connections);
  const bool from_loopback = IsLoopback(socket);
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(size_t{limits.header_bytes_max} + limits.body_bytes_max);
  for (bool keep_alive = true; keep_alive;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(limits.header_bytes_max);
    parser.body_limit(limits.body_bytes_max);
    stream.expires_after(limits.io_timeout);
    const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, kAsTuple);
    std::optional<Response> answer;
    if (read_error) {
      answer = AnswerToUnreadable(read_error);
      if (!answer) co_return;
      keep_alive = false;
    } else {
      keep_alive = parser.keep_alive();
      Request request = ToRequest(std::move(parser.get()), from_loopback);
      answer = co_await Answer(std::move(request));
    }
    HttpResponse message = ToHttp(*std::move(answer), parser.get().base(), keep_alive);
    stream.expires_after(limits.io_timeout);
    const auto [write_error, written] = co_await http::async_write(stream, message, kAsTuple);
    if (write_error) co_return;
  }
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<Response> AdminServer::Impl::Answer(Request request) {
  const auto awaited = std::make_shared<Awaited>(*loop);
  std::weak_ptr<Awaited> target = awaited;
  std::optional<Response> answer =
      routes.Answer(request, [handle = loop_handle, target](Response response) {
        handle->Deliver(target, std::move(response));
      });
  if (answer) co_return *std::move(answer);
  awaited->arrival.expires_after(limits.answer_timeout);
  co_await awaited->arrival.async_wait(kAsTuple);
  if (awaited->response) co_return *std::move(awaited->response);
  co_return Response{.status = 504, .body = "no answer in time\n"};
}

AdminServer::AdminServer(std::string listen, const metrics::Registry& registry,
                         std::function<Readiness()> readiness, Limits limits)
    : impl_(std::make_unique<Impl>()) {
  impl_->listen = std::move(listen);
  impl_->limits = limits;
  Handle("/livez", ReadOnly([] { return Response{.body = "alive\n"}; }));
  Handle("/readyz", ReadOnly([readiness = std::move(readiness)] {
           Readiness now = readiness();
           return Response{.status = now.ready ? 200 : 503, .body = std::move(now.body)};
         }));
  Handle("/metrics", ReadOnly([&registry] {
           return Response{.body = registry.Render(),
                           .content_type = "text/plain; version=0.0.4; charset=utf-8"};
         }));
}

AdminServer::~AdminServer() { Stop(); }

void AdminServer::Handle(std::string path, std::function<Response(const Request&)> handler) {
  impl_->routes.Add(std::move(path), std::move(handler));
}

void AdminServer::HandleLater(std::string path,
                              std::function<void(const Request&, Respond)> handler) {
  impl_->routes.Add(std::move(path), std::move(handler));
}

void AdminServer::HandleCommand(std::string path, std::function<Response(const Request&)> handler) {
  Handle(std::move(path), ForLocalCommands(std::move(handler)));
}

void AdminServer::HandleCommandLater(std::string path,
                                     std::function<void(const Request&, Respond)> handler) {
  HandleLater(std::move(path), ForLocalCommands(std::move(handler)));
}

Status AdminServer::Start() {
  impl_->loop = std::make_unique<asio::io_context>(1);
  impl_->loop_handle = std::make_shared<LoopHandle>(*impl_->loop);
  RETURN_IF_ERROR(impl_->Listen());
  asio::co_spawn(*impl_->loop, impl_->AcceptAll(), asio::detached);
  impl_->thread = std::thread([loop = impl_->loop.get()] {
    NameThread("admin");
    loop->run();
  });
  return OkStatus();
}

uint16_t AdminServer::port() const { return impl_->port; }

void AdminServer::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->loop_handle->Close();
  impl_->loop->stop();
  impl_->thread.join();
  impl_->acceptor.reset();
  impl_->loop.reset();  // with it every connection
}

}  // namespace topgun::admin
