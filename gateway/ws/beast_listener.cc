// The only translation unit that sees Beast.
#include <atomic>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "logging/logging.h"
#include "ws/beast_http.h"
#include "ws/beast_tls.h"
#include "ws/listener.h"
#include "ws/loop_state.h"

namespace topgun::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptRetry{100};

class BeastListener final : public Listener {
 public:
  BeastListener(ListenerOptions options, std::vector<Loop> loops) : options_(std::move(options)) {
    for (const Loop& loop : loops) {
      loops_.push_back(std::make_shared<LoopState>(loop, options_.limits));
    }
  }

  Status Start() override {
    if (options_.host == "localhost") return ListenOnBoth("127.0.0.1", "::1");
    if (options_.host == "*") return ListenOnBoth("0.0.0.0", "::");
    return Listen(options_.host, options_.port);
  }

  uint16_t port() const override { return port_; }

  void RefuseWebSockets(bool refuse) override {
    for (const auto& state : loops_) {
      asio::post(*state->loop.io, [state, refuse] { state->refusing_ws = refuse; });
    }
  }

  void Stop() override {
    asio::post(*loops_.front()->loop.io, [this] {
      error_code ignored;
      for (const auto& acceptor : acceptors_) acceptor->close(ignored);
    });
    for (const auto& state : loops_) {
      asio::post(*state->loop.io, [state] { Drain(*state); });
    }
  }

  void SetLimits(const ListenerLimits& limits) override {
    for (const auto& state : loops_) {
      asio::post(*state->loop.io, [state, limits] { state->limits = limits; });
    }
  }

 private:
  static void Drain(LoopState& state) {
    state.draining = true;
    const std::vector<Incoming*> connections(state.incoming.begin(), state.incoming.end());
    for (Incoming* const connection : connections) connection->Drain();
  }

  // Machines without IPv6 get along with the other one.
  Status ListenOnBoth(const std::string& v4, const std::string& v6) {
    RETURN_IF_ERROR(Listen(v4, options_.port));
    if (const Status status = Listen(v6, port()); !status.ok()) {
      logging::Info("listener", "not listening on IPv6", {{"reason", Message(status)}});
    }
    return OkStatus();
  }

  Status Listen(const std::string& host, uint16_t port) {
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (error) return InvalidArgument("listen address " + host + " is not an IP address");
    const tcp::endpoint endpoint(address, port);
    auto acceptor = std::make_unique<tcp::acceptor>(*loops_.front()->loop.io);
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    // "::" alone takes IPv4 as well, beside 0.0.0.0 it must not.
    if (!error && address.is_v6() && (!address.is_unspecified() || !acceptors_.empty())) {
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
    const std::shared_ptr<LoopState>& state = loops_[next_loop_++ % loops_.size()];
    acceptor.async_accept(asio::any_io_executor(state->loop.io->get_executor()),
                          [this, &acceptor, state](error_code error, tcp::socket socket) {
                            if (error == asio::error::operation_aborted || !acceptor.is_open())
                              return;
                            if (error) return RetryAccept(acceptor, error);
                            asio::post(*state->loop.io,
                                       [this, state, socket = std::move(socket)]() mutable {
                                         Serve(state, std::move(socket));
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

  void Serve(const std::shared_ptr<LoopState>& state, tcp::socket socket) {
    const bool full = connections_->fetch_add(1) >= state->limits.connections_max;
    std::shared_ptr<void> slot(nullptr, [count = connections_](void*) { count->fetch_sub(1); });
    const auto serve = [state, &options = options_, slot = std::move(slot), full](auto transport) {
      std::make_shared<HttpConnection<decltype(transport)>>(std::move(transport), state, options,
                                                            slot, full)
          ->Start();
    };
    if (options_.tls.contexts == nullptr) return serve(std::move(socket));
    std::make_shared<TlsHandshake>(std::move(socket), state, options_.tls, handshakes_, serve)
        ->Start();
  }

  const ListenerOptions options_;
  std::vector<std::shared_ptr<LoopState>> loops_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;  // used on the first loop
  const std::shared_ptr<std::atomic<uint64_t>> connections_ =
      std::make_shared<std::atomic<uint64_t>>(0);
  const std::shared_ptr<std::atomic<uint32_t>> handshakes_ =
      std::make_shared<std::atomic<uint32_t>>(0);
  size_t next_loop_ = 0;
  uint16_t port_ = 0;
  logging::RateLimit accept_log_{std::chrono::seconds(10)};
};

}  // namespace

std::unique_ptr<Listener> MakeListener(ListenerOptions options, std::vector<Listener::Loop> loops) {
  return std::make_unique<BeastListener>(std::move(options), std::move(loops));
}

}  // namespace topgun::gateway
