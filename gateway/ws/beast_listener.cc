// The only translation unit that sees Beast's WebSocket stream.
#include <algorithm>
#include <atomic>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <string_view>

#include "logging/logging.h"
#include "ws/beast_session.h"
#include "ws/listener.h"

namespace topgun::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kScratchBytes = size_t{256} << 10;
constexpr std::chrono::milliseconds kAcceptRetry{100};

// What the connections of one loop share.
struct LoopState {
  Listener::Loop loop;
  std::vector<char> scratch = std::vector<char>(kScratchBytes);
};

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

// One HTTP request that should become a WebSocket connection. Keeps itself alive until it has
// become a session or has been refused.
class Upgrade : public std::enable_shared_from_this<Upgrade> {
 public:
  Upgrade(tcp::socket socket, LoopState& state, const ListenerOptions& options,
          std::shared_ptr<void> slot, bool full)
      : state_(state),
        options_(options),
        slot_(std::move(slot)),
        full_(full),
        socket_(std::move(socket)),
        deadline_(socket_.get_executor()) {
    parser_.header_limit(options.header_bytes_max);
  }

  void Start() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    deadline_.expires_after(options_.upgrade_timeout);
    deadline_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      error_code closed;
      if (!error && self) self->socket_.close(closed);
    });
    http::async_read_header(socket_, buffer_, parser_,
                            [self = shared_from_this()](error_code error, size_t) {
                              if (!error) return self->OnRequest();
                              if (error == http::error::header_limit) {
                                return self->Refuse(http::status::request_header_fields_too_large);
                              }
                              self->state_.loop.probe->UpgradeRefused();
                            });
  }

 private:
  void OnRequest() {
    const auto& request = parser_.get();
    const std::string_view path =
        PathOf(std::string_view(request.target().data(), request.target().size()));
    if (path != "/ws" && path != "/") return Refuse(http::status::not_found);
    if (!beast::websocket::is_upgrade(request)) return Refuse(http::status::upgrade_required);
    if (!OriginAllowed()) return Refuse(http::status::forbidden);
    if (full_) return Refuse(http::status::service_unavailable);
    deadline_.cancel();
    std::string unread(static_cast<const char*>(buffer_.cdata().data()), buffer_.size());
    std::make_shared<BeastSession>(std::move(socket_), state_.scratch, options_, state_.loop, slot_)
        ->Run(parser_.release(), std::move(unread));
  }

  bool OriginAllowed() const {
    if (options_.allowed_origins.empty()) return true;
    const auto origin = parser_.get()[http::field::origin];
    return std::any_of(options_.allowed_origins.begin(), options_.allowed_origins.end(),
                       [&](const std::string& allowed) {
                         return allowed == std::string_view(origin.data(), origin.size());
                       });
  }

  void Refuse(http::status status) {
    state_.loop.probe->UpgradeRefused();
    response_.result(status);
    response_.version(11);
    response_.keep_alive(false);
    response_.set(http::field::content_type, "text/plain; charset=utf-8");
    if (status == http::status::upgrade_required) response_.set(http::field::upgrade, "websocket");
    response_.body() = std::string(http::obsolete_reason(status)) + "\n";
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](error_code, size_t) {
      error_code ignored;
      self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
    });
  }

  LoopState& state_;
  const ListenerOptions& options_;
  std::shared_ptr<void> slot_;
  const bool full_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  beast::flat_buffer buffer_;
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
};

class BeastListener final : public Listener {
 public:
  BeastListener(ListenerOptions options, std::vector<Loop> loops) : options_(std::move(options)) {
    for (const Loop& loop : loops) loops_.push_back(std::make_unique<LoopState>(LoopState{loop}));
  }

  Status Start() override {
    if (options_.host != "localhost") return Listen(options_.host, options_.port);
    RETURN_IF_ERROR(Listen("127.0.0.1", options_.port));
    // Machines without IPv6 resolve localhost to 127.0.0.1 only.
    if (const Status status = Listen("::1", port()); !status.ok()) {
      logging::Info("listener", "not listening on ::1", {{"reason", Message(status)}});
    }
    return OkStatus();
  }

  uint16_t port() const override { return port_; }

  void Stop() override {
    asio::post(*loops_.front()->loop.io, [this] {
      error_code ignored;
      for (const auto& acceptor : acceptors_) acceptor->close(ignored);
    });
  }

 private:
  Status Listen(const std::string& host, uint16_t port) {
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (error) return InvalidArgument("listen address " + host + " is not an IP address");
    const tcp::endpoint endpoint(address, port);
    auto acceptor = std::make_unique<tcp::acceptor>(*loops_.front()->loop.io);
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && address.is_v6() && !address.is_unspecified()) {
      acceptor->set_option(asio::ip::v6_only(true), error);
    }
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(tcp::acceptor::max_listen_connections, error);
    if (error) {
      return Unavailable("cannot listen on " + host + " port " + std::to_string(port) + ": " +
                         error.message());
    }
    port_ = acceptor->local_endpoint().port();
    acceptors_.push_back(std::move(acceptor));
    Accept(*acceptors_.back());
    return OkStatus();
  }

  void Accept(tcp::acceptor& acceptor) {
    LoopState& state = *loops_[next_loop_++ % loops_.size()];
    acceptor.async_accept(asio::any_io_executor(state.loop.io->get_executor()),
                          [this, &acceptor, &state](error_code error, tcp::socket socket) {
                            if (error == asio::error::operation_aborted || !acceptor.is_open())
                              return;
                            if (error) return RetryAccept(acceptor, error);
                            asio::post(*state.loop.io,
                                       [this, &state, socket = std::move(socket)]() mutable {
                                         StartUpgrade(state, std::move(socket));
                                       });
                            Accept(acceptor);
                          });
  }

  // Out of descriptors or memory: connections that end give room again.
  void RetryAccept(tcp::acceptor& acceptor, error_code error) {
    if (uint64_t suppressed = 0; accept_log_.Allow(&suppressed)) {
      logging::Warning("listener", "accept failed",
                       {{"reason", error.message()}, {"suppressed", suppressed}});
    }
    auto timer = std::make_shared<asio::steady_timer>(acceptor.get_executor(), kAcceptRetry);
    timer->async_wait([this, &acceptor, timer](error_code waited) {
      if (!waited && acceptor.is_open()) Accept(acceptor);
    });
  }

  void StartUpgrade(LoopState& state, tcp::socket socket) {
    const bool full = connections_->fetch_add(1) >= options_.connections_max;
    std::shared_ptr<void> slot(nullptr, [count = connections_](void*) { count->fetch_sub(1); });
    std::make_shared<Upgrade>(std::move(socket), state, options_, std::move(slot), full)->Start();
  }

  const ListenerOptions options_;
  std::vector<std::unique_ptr<LoopState>> loops_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;  // used on the first loop
  const std::shared_ptr<std::atomic<uint64_t>> connections_ =
      std::make_shared<std::atomic<uint64_t>>(0);
  size_t next_loop_ = 0;
  uint16_t port_ = 0;
  logging::RateLimit accept_log_{std::chrono::seconds(10)};
};

}  // namespace

std::unique_ptr<Listener> MakeListener(ListenerOptions options, std::vector<Listener::Loop> loops) {
  return std::make_unique<BeastListener>(std::move(options), std::move(loops));
}

}  // namespace topgun::gateway
