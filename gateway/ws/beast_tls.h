// An accepted socket until it speaks TLS; then it is an HttpConnection. Included by
// beast_listener.cc only (see beast_session.h).
//
// Handshakes cost more than everything else that a stranger can ask for, so they are limited in
// number and time. Who speaks plain HTTP here is told so in plain HTTP.
//
// Keeps itself alive through what it waits for; a deadline is always set.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "ws/beast_http.h"
#include "ws/loop_state.h"
#include "ws/tls_probe.h"

namespace topgun::gateway {

class TlsHandshake final : public Incoming, public std::enable_shared_from_this<TlsHandshake> {
 public:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  // Makes the connection of a finished handshake.
  using Next = std::function<void(TlsTransport)>;

  // `running` counts the handshakes of all loops.
  TlsHandshake(tcp::socket socket, std::shared_ptr<LoopState> state, const ListenerTls& terms,
               std::shared_ptr<std::atomic<uint32_t>> running, Next next)
      : state_(std::move(state)),
        terms_(terms),
        running_(std::move(running)),
        next_(std::move(next)),
        stream_(std::move(socket), terms.contexts->Current(), tls::Role::kServer),
        deadline_(stream_.get_executor()) {
    terms_.probe->Started();
  }

  ~TlsHandshake() override {
    Leave();
    terms_.probe->Ended();
  }

  void Start() {
    state_->incoming.insert(this);
    counted_ = true;
    if (running_->fetch_add(1) >= terms_.handshakes_max) {
      terms_.probe->Refused();
      return Close();
    }
    error_code ignored;
    TcpOf(stream_).set_option(tcp::no_delay(true), ignored);
    SetDeadline(terms_.handshake_timeout);
    stream_.async_handshake(
        [self = shared_from_this()](error_code error) { self->OnHandshake(error); });
  }

  void Drain() override { Close(); }

  bool lingering() const { return lingering_ && !closed_; }

  void Close() {
    if (std::exchange(closed_, true)) return;
    Leave();
    deadline_.cancel();
    error_code ignored;
    TcpOf(stream_).close(ignored);
  }

 private:
  static constexpr std::chrono::milliseconds kLinger{2'000};
  static constexpr std::string_view kPlainHttpAnswer =
      "HTTP/1.1 400 Bad Request\r\n"
      "Content-Type: text/plain\r\n"
      "Content-Length: 61\r\n"
      "Connection: close\r\n"
      "\r\n"
      "this port speaks TLS: use https:// or wss:// in front of it.\n";

  void SetDeadline(std::chrono::milliseconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      const bool passed = self->deadline_.expiry() <= std::chrono::steady_clock::now();
      if (error || !passed || self->closed_) return;
      if (!self->lingering_) self->terms_.probe->TimedOut();
      self->Close();
    });
  }

  void OnHandshake(error_code error) {
    if (closed_) return;
    if (error) return OnFailed(error);
    terms_.probe->Succeeded();
    deadline_.cancel();
    closed_ = true;  // for us
    Leave();
    next_(std::move(stream_));
  }

  void OnFailed(error_code error) {
    const tls::HandshakeFailure failure = tls::FailureOf(error);
    terms_.probe->Failed(failure);
    if (failure == tls::HandshakeFailure::kClosed) return Close();
    lingering_ = true;
    SetDeadline(kLinger);
    if (failure != tls::HandshakeFailure::kPlainHttp) return CloseSoftly();
    boost::asio::async_write(TcpOf(stream_),
                             boost::asio::buffer(kPlainHttpAnswer.data(), kPlainHttpAnswer.size()),
                             [self = shared_from_this()](error_code write_error, size_t) {
                               write_error ? self->Close() : self->CloseSoftly();
                             });
  }

  // OpenSSL's alert, or our answer, arrives before the end.
  void CloseSoftly() {
    if (closed_) return;
    error_code error;
    TcpOf(stream_).shutdown(tcp::socket::shutdown_send, error);
    if (error) return Close();
    Linger(TcpOf(stream_), std::span<char>(state_->scratch), shared_from_this());
  }

  void Leave() {
    if (!std::exchange(counted_, false)) return;
    running_->fetch_sub(1);
    state_->incoming.erase(this);
  }

  const std::shared_ptr<LoopState> state_;
  const ListenerTls terms_;  // may end after the listener does
  const std::shared_ptr<std::atomic<uint32_t>> running_;
  const Next next_;
  TlsTransport stream_;
  boost::asio::steady_timer deadline_;
  bool counted_ = false;    // in the handshakes that run
  bool lingering_ = false;  // it has failed
  bool closed_ = false;
};

}  // namespace topgun::gateway
