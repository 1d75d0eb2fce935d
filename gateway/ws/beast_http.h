// An accepted socket: HTTP requests one after the other, until one of them becomes a WebSocket
// connection. Included by beast_listener.cc only (see beast_session.h).
//
// A request is read whole - header and body within their limits and times - and handed to the
// loop's HttpHandler; the next one is read when the answer has left, so pipelined requests are
// answered in order. Nothing is read while an answer is being worked out: that the client has gone
// shows when the answer is written.
//
// Keeps itself alive through what it waits for; a deadline is always set.
#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "http/http.h"
#include "ws/beast_http_message.h"
#include "ws/beast_session.h"
#include "ws/listener.h"
#include "ws/loop_state.h"
#include "ws/transport.h"

namespace topgun::gateway {

template <class Transport>
class HttpConnection final : public Incoming,
                             public std::enable_shared_from_this<HttpConnection<Transport>> {
 public:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  using status = boost::beast::http::status;
  using field = boost::beast::http::field;

  // `slot` counts the connection. `full`: it is one too many.
  HttpConnection(Transport transport, std::shared_ptr<LoopState> state,
                 const ListenerOptions& options, std::shared_ptr<void> slot, bool full)
      : state_(std::move(state)),
        options_(options),
        slot_(std::move(slot)),
        full_(full),
        transport_(std::move(transport)),
        deadline_(transport_.get_executor()) {}

  ~HttpConnection() override { Leave(); }

  void Start() {
    error_code error;
    tcp::socket& socket = TcpOf(transport_);
    socket.set_option(tcp::no_delay(true), error);
    socket.non_blocking(true, error);
    const tcp::endpoint remote = socket.remote_endpoint(error);
    const tcp::endpoint local = socket.local_endpoint(error);
    peer_ = Unmapped(remote.address()).to_string();
    loopback_ = Unmapped(local.address()).is_loopback();
    state_->incoming.insert(this);
    state_->loop.probe->HttpOpened();
    ReadHeader();
  }

  void Drain() override {
    const bool silent = phase_ == Phase::kHeader && !parser_->got_some() && buffer_.size() == 0;
    if (phase_ == Phase::kIdle || silent) Close();
  }

  bool lingering() const { return phase_ == Phase::kLingering; }

  void Close() {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kClosed;
    Leave();
    state_->loop.probe->HttpClosed();
    deadline_.cancel();
    error_code ignored;
    TcpOf(transport_).close(ignored);
  }

 private:
  enum class Phase : uint8_t { kIdle, kHeader, kBody, kHandling, kWriting, kLingering, kClosed };

  void Enter(Phase phase, std::chrono::milliseconds time) {
    phase_ = phase;
    expired_ = false;
    deadline_.expires_after(time);
    deadline_.async_wait([self = this->shared_from_this()](error_code error) {
      if (!error && self->deadline_.expiry() <= std::chrono::steady_clock::now()) {
        self->OnDeadline();
      }
    });
  }

  // What is being read ends with an error, and its handler decides about the rest.
  void OnDeadline() {
    expired_ = true;
    error_code ignored;
    if (phase_ == Phase::kHeader || phase_ == Phase::kBody) {
      TcpOf(transport_).cancel(ignored);
    } else {
      Close();
    }
  }

  void AwaitRequest() {
    if (buffer_.size() > 0) return ReadHeader();  // pipelined
    parser_.reset();
    if (state_->draining) return Close();
    if (buffer_.capacity() > kKeptBytes) buffer_.shrink_to_fit();
    Enter(Phase::kIdle, options_.http_idle_timeout);
    transport_.async_wait(tcp::socket::wait_read,
                          [self = this->shared_from_this()](error_code error) {
                            if (error || self->phase_ != Phase::kIdle) return self->Close();
                            self->ReadHeader();
                          });
  }

  void ReadHeader() {
    parser_.emplace();
    parser_->header_limit(options_.header_bytes_max);
    parser_->body_limit(state_->limits.http_body_bytes_max);
    Enter(Phase::kHeader, options_.upgrade_timeout);
    boost::beast::http::async_read_header(
        transport_, buffer_, *parser_, [self = this->shared_from_this()](error_code error, size_t) {
          error ? self->OnUnreadable(error) : self->OnHeader();
        });
  }

  void OnHeader() {
    ++*state_->loop.http_requests;
    counted_ = true;
    const auto& header = parser_->get();
    const std::string_view path = PathOfTarget(ToStd(header.target()));
    if ((path == "/ws" || path == "/") && boost::beast::websocket::is_upgrade(header)) {
      return Upgrade();
    }
    if (full_) return Refuse(503, "too many connections");
    if (!ReserveBody()) return Refuse(503, "server overloaded, try again later");
    if (parser_->is_done()) return Handle();
    if (boost::beast::iequals(header[field::expect], "100-continue")) return Continue();
    ReadBody();
  }

  // ---- WebSocket ----

  void Upgrade() {
    if (!OriginAllowed()) return RefuseUpgrade(403, "origin not allowed");
    if (full_) return RefuseUpgrade(503, "too many connections");
    if (state_->refusing_ws) return RefuseUpgrade(503, "draining, connect to another gateway");
    deadline_.cancel();
    Leave();
    phase_ = Phase::kClosed;
    state_->loop.probe->HttpClosed();
    std::string unread(static_cast<const char*>(buffer_.cdata().data()), buffer_.size());
    std::make_shared<BeastSession<Transport>>(std::move(transport_), state_->scratch, options_,
                                              state_->loop, state_->limits.outbound, slot_)
        ->Run(typename BeastSession<Transport>::Request(std::move(parser_->get().base())),
              std::move(unread), std::move(peer_));
  }

  bool OriginAllowed() const {
    if (options_.allowed_origins.empty()) return true;
    const std::string_view origin = ToStd(parser_->get()[field::origin]);
    return std::find(options_.allowed_origins.begin(), options_.allowed_origins.end(), origin) !=
           options_.allowed_origins.end();
  }

  void RefuseUpgrade(int code, std::string_view message) {
    state_->loop.probe->UpgradeRefused();
    Refuse(code, message);
  }

  // ---- Body ----

  // Bodies of all connections of a loop share a limit. One of unknown length counts as the largest.
  bool ReserveBody() {
    const auto length = parser_->content_length();
    const bool chunked = parser_->chunked();
    reserved_ = length ? *length : chunked ? state_->limits.http_body_bytes_max : 0;
    const uint64_t total = state_->body_bytes + reserved_;
    if (reserved_ > 0 && total > options_.http_body_bytes_per_loop_max) {
      reserved_ = 0;
      return false;
    }
    state_->body_bytes = total;
    return true;
  }

  void Continue() {
    Enter(Phase::kWriting, options_.http_body_timeout);
    interim_ = {status::continue_, 11};
    boost::beast::http::async_write(transport_, interim_,
                                    [self = this->shared_from_this()](error_code error, size_t) {
                                      error ? self->Close() : self->ReadBody();
                                    });
  }

  void ReadBody() {
    Enter(Phase::kBody, options_.http_body_timeout);
    boost::beast::http::async_read(transport_, buffer_, *parser_,
                                   [self = this->shared_from_this()](error_code error, size_t) {
                                     error ? self->OnUnreadable(error) : self->Handle();
                                   });
  }

  void OnUnreadable(error_code error) {
    namespace http = boost::beast::http;
    if (phase_ == Phase::kClosed) return;
    const bool begun = phase_ == Phase::kBody || parser_->got_some() || buffer_.size() > 0;
    if (expired_) return begun ? Refuse(408, "request took too long") : Close();
    if (error == http::error::header_limit) return Refuse(431, "header too large");
    if (error == http::error::body_limit) return Refuse(413, TooLarge());
    if (IsMalformed(error)) {
      return Refuse(400, "malformed HTTP request: " + error.message());
    }
    Close();
  }

  std::string TooLarge() const {
    return "body exceeds maximum of " + std::to_string(state_->limits.http_body_bytes_max) +
           " bytes";
  }

  // ---- Answer ----

  void Handle() {
    Enter(Phase::kHandling, options_.http_handling_timeout);
    const uint64_t serial = ++serial_;
    const HttpRequest request = ViewRequest();
    state_->loop.http->Handle(
        request, [weak = this->weak_from_this(), serial](HttpResponse response) {
          const auto self = weak.lock();
          if (self && self->phase_ == Phase::kHandling && self->serial_ == serial) {
            self->Write(std::move(response), self->parser_->keep_alive());
          }
        });
  }

  HttpRequest ViewRequest() const {
    HttpRequest request = ViewOf(parser_->get());
    request.peer = peer_;
    request.loopback = loopback_;
    return request;
  }

  // Answers what is not read to its end, so the connection cannot go on.
  void Refuse(int code, std::string_view message) {
    HttpRequest request = ViewRequest();  // as much as has been read of it
    request.body = {};
    Write(state_->loop.http->Refuse(request, code, message), false);
  }

  void Write(HttpResponse answer, bool keep_alive) {
    keep_alive = keep_alive && !state_->draining;
    Fill(response_, std::move(answer), parser_->get(), keep_alive);
    Enter(Phase::kWriting, options_.http_write_timeout);
    boost::beast::http::async_write(
        transport_, response_,
        [self = this->shared_from_this(), keep_alive](error_code error, size_t) {
          self->OnWritten(error, keep_alive);
        });
  }

  void OnWritten(error_code error, bool keep_alive) {
    if (phase_ == Phase::kClosed) return;
    if (error) return Close();
    RequestDone();
    response_ = {};
    if (keep_alive) return AwaitRequest();
    SayGoodbye(transport_);
    TcpOf(transport_).shutdown(tcp::socket::shutdown_send, error);
    if (error) return Close();
    Enter(Phase::kLingering, kLinger);
    Linger(TcpOf(transport_), std::span<char>(state_->scratch), this->shared_from_this());
  }

  void RequestDone() {
    if (std::exchange(counted_, false)) --*state_->loop.http_requests;
    state_->body_bytes -= std::exchange(reserved_, 0);
  }

  void Leave() {
    RequestDone();
    state_->incoming.erase(this);
  }

  static constexpr size_t kKeptBytes = size_t{16} << 10;  // of an idle connection
  static constexpr std::chrono::milliseconds kLinger{2'000};

  const std::shared_ptr<LoopState> state_;
  const ListenerOptions& options_;
  const std::shared_ptr<void> slot_;
  const bool full_;
  std::string peer_;
  bool loopback_ = false;
  Transport transport_;
  boost::asio::steady_timer deadline_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  boost::beast::http::response<boost::beast::http::empty_body> interim_;
  BeastResponse response_;
  Phase phase_ = Phase::kIdle;
  bool expired_ = false;  // the deadline of this phase
  bool counted_ = false;  // in the loop's requests
  uint64_t reserved_ = 0;
  uint64_t serial_ = 0;
};

}  // namespace topgun::gateway
