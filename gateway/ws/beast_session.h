// A WebSocket connection over Beast. Included by beast_listener.cc only: every translation unit
// that sees Beast's WebSocket stream costs half a minute of compiling.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "probe.h"
#include "tracing/context.h"
#include "ws/coalescing_stream.h"
#include "ws/listener.h"
#include "ws/session.h"
#include "ws/transport.h"

namespace topgun::gateway {

// Beast ends the connection below through these, found by argument-dependent lookup.
template <class Transport, class Handler>
void async_teardown(boost::beast::role_type role, CoalescingStream<Transport>& stream,
                    Handler&& handler) {
  SayGoodbye(stream.next_layer());
  using boost::beast::websocket::async_teardown;
  async_teardown(role, TcpOf(stream.next_layer()), std::forward<Handler>(handler));
}
template <class Transport>
void teardown(boost::beast::role_type role, CoalescingStream<Transport>& stream,
              boost::system::error_code& error) {
  SayGoodbye(stream.next_layer());
  boost::beast::websocket::teardown(role, TcpOf(stream.next_layer()), error);
}

template <class Transport>
class BeastSession final : public Session,
                           public std::enable_shared_from_this<BeastSession<Transport>> {
 public:
  using Request = boost::beast::http::request<boost::beast::http::empty_body>;
  using error_code = boost::system::error_code;

  // `slot` counts the connection for as long as the session lives.
  BeastSession(Transport transport, std::span<char> scratch, const ListenerOptions& options,
               const Listener::Loop& loop, const OutboundLimits& outbound,
               std::shared_ptr<void> slot)
      : loop_(loop),
        slot_(std::move(slot)),
        tls_in_front_(options.tls_in_front),
        ws_(std::move(transport), scratch),
        close_timer_(ws_.get_executor()),
        queue_(outbound) {
    boost::beast::websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = options.upgrade_timeout;
    timeouts.idle_timeout = boost::beast::websocket::stream_base::none();
    timeouts.keep_alive_pings = false;
    ws_.set_option(timeouts);
    ws_.read_message_max(options.message_bytes_before_auth_max);
    ws_.auto_fragment(false);
    ws_.binary(true);
  }

  // Completes the upgrade; `unread` came behind the request, from the address `peer`.
  void Run(Request request, std::string unread, std::string peer) {
    const auto host = request[boost::beast::http::field::host];
    request_ = {.host = std::string(host.data(), host.size()),
                .target = std::string(request.target().data(), request.target().size()),
                .secure = kIsTls<Transport> || tls_in_front_,
                .peer = std::move(peer),
                .traceparent = OnlyValue(request, tracing::kTraceparent),
                .tracestate = JoinedValues(request, tracing::kTracestate),
                .received = std::chrono::steady_clock::now()};
    ws_.next_layer().Bind(this->weak_from_this(), [this] { OnSocketWritten(); });
    ws_.next_layer().Preload(std::move(unread));
    auto kept = std::make_unique<Request>(std::move(request));
    const Request& borrowed = *kept;
    ws_.async_accept(borrowed, [self = this->shared_from_this(), kept = std::move(kept)](
                                   error_code error) { self->OnAccepted(error); });
  }

  const UpgradeRequest& request() const override { return request_; }

  void Reply(std::string frame) override {
    if (closing_) return;
    if (CanWriteNow()) return Write({.own = std::move(frame), .head = {}, .tail = {}});
    queue_.Reply(std::move(frame));
    ReportBytes();
  }

  void Urgent(std::string frame) override {
    if (closing_) return;
    // Appending to what leaves next overtakes the queue.
    if (ws_.next_layer().buffered() < 2 * kWriteChunkBytes) {
      return Write({.own = std::move(frame), .head = {}, .tail = {}});
    }
    queue_.Urgent(std::move(frame));
  }

  bool Push(PushFrame frame) override {
    if (closing_) return false;
    if (CanWriteNow()) {
      Write({.own = {}, .head = std::move(frame.head), .tail = std::move(frame.tail)});
      return true;
    }
    const bool queued = queue_.Push(frame);
    ReportBytes();
    if (!queued && !frame.lossy) Close(CloseCause::kSlowConsumer);
    return queued;
  }

  void Close(CloseCause cause) override {
    if (closing_ || handler_ == nullptr) return;
    closing_ = true;
    cause_ = cause;
    if (cause == CloseCause::kSlowConsumer || cause == CloseCause::kOverload) queue_.Clear();
    ReportBytes();
    close_timer_.expires_after(cause == CloseCause::kShutdown ? kShutdownTimeout : kCloseTimeout);
    close_timer_.async_wait([self = this->shared_from_this()](error_code error) {
      if (!error) self->Finish();
    });
    SendCloseWhenDrained();
  }

  size_t queued_bytes() const override { return queue_.bytes(); }
  Backlog backlog() const override { return queue_.backlog(); }

  void Trim() override {
    queue_.Trim();
    ws_.next_layer().Trim();
    kept_read_bytes_ = kIdleReadBytes;  // takes effect behind the message at hand
  }

  void SetMessageBytesMax(uint64_t bytes) override { ws_.read_message_max(bytes); }

  void PauseReading(bool paused) override {
    paused_ = paused;
    ReadMore();
  }

 private:
  static constexpr size_t kWriteChunkBytes = size_t{64} << 10;
  static constexpr size_t kKeptReadBytes = size_t{128} << 10;
  static constexpr size_t kIdleReadBytes = size_t{4} << 10;
  // How long the peer may take to read what is queued and to answer the close frame.
  static constexpr std::chrono::milliseconds kCloseTimeout{5'000};
  static constexpr std::chrono::milliseconds kShutdownTimeout{500};

  // Empty when there is none, or more than one.
  static std::string OnlyValue(const Request& request, std::string_view name) {
    const auto [first, last] = request.equal_range({name.data(), name.size()});
    if (first == last || std::next(first) != last) return {};
    return {first->value().data(), first->value().size()};
  }
  // Of a header that is a list.
  static std::string JoinedValues(const Request& request, std::string_view name) {
    std::string joined;
    const auto [first, last] = request.equal_range({name.data(), name.size()});
    for (auto header = first; header != last; ++header) {
      if (header != first) joined.push_back(',');
      joined.append(header->value().data(), header->value().size());
    }
    return joined;
  }

  void OnAccepted(error_code error) {
    if (error) return loop_.probe->UpgradeRefused();
    self_ = this->shared_from_this();
    loop_.probe->Opened();
    handler_ = &loop_.acceptor->OnOpen(*this);
    ReadMore();
  }

  // Once the close frame is out, Beast itself reads until the peer has answered it.
  void ReadMore() {
    if (reading_ || handler_ == nullptr || close_sent_) return;
    if (!closing_ && (paused_ || queue_.RepliesFull())) return;
    reading_ = true;
    ws_.async_read(read_, [self = this->shared_from_this()](error_code error, size_t) {
      self->OnRead(error);
    });
  }

  void OnRead(error_code error) {
    if (error) return Finish();
    if (!closing_ && handler_ != nullptr) {
      const auto bytes = read_.cdata();
      handler_->OnMessage({static_cast<const char*>(bytes.data()), bytes.size()}, ws_.got_binary());
    }
    reading_ = false;  // only now: the handler may ask to go on, and the bytes were still in use
    read_.consume(read_.size());
    if (read_.capacity() > std::exchange(kept_read_bytes_, kKeptReadBytes)) read_.shrink_to_fit();
    ReadMore();
  }

  bool CanWriteNow() {
    const CoalescingStream<Transport>& stream = ws_.next_layer();
    return queue_.empty() && !stream.writing() && stream.buffered() < kWriteChunkBytes;
  }

  void Write(const OutboundFrame& frame) {
    const std::array<boost::asio::const_buffer, 3> buffers = {
        boost::asio::buffer(frame.own),
        frame.head ? boost::asio::buffer(*frame.head) : boost::asio::const_buffer(),
        frame.tail ? boost::asio::buffer(*frame.tail) : boost::asio::const_buffer()};
    error_code error;
    ws_.write(buffers, error);  // appends; a broken stream is noticed by the read
  }

  void OnSocketWritten() {
    if (handler_ == nullptr) return;
    OutboundFrame frame;
    while (ws_.next_layer().buffered() < kWriteChunkBytes && queue_.Pop(&frame)) Write(frame);
    ReportBytes();
    SendCloseWhenDrained();
    ReadMore();
  }

  void SendCloseWhenDrained() {
    if (!closing_ || close_sent_ || !queue_.empty()) return;
    close_sent_ = true;
    ws_.async_close(CloseFrame(),
                    [self = this->shared_from_this()](error_code) { self->Finish(); });
  }

  boost::beast::websocket::close_reason CloseFrame() const {
    using boost::beast::websocket::close_code;
    switch (cause_) {
      case CloseCause::kAuthTimeout:
        return {close_code::normal, "authentication timeout"};
      case CloseCause::kIdle:
        return {close_code::normal, "idle timeout"};
      case CloseCause::kSlowConsumer:
        return {close_code::try_again_later, "reading too slowly"};
      case CloseCause::kOverload:
        return {close_code::try_again_later, "server overloaded"};
      case CloseCause::kShutdown:
        return {close_code::service_restart, "server shutting down"};
      case CloseCause::kAged:
        return {close_code::service_restart, "connection has reached its age"};
      case CloseCause::kOperator:
        return {close_code::going_away, "closed by an operator"};
      default:
        return {close_code::none};
    }
  }

  void Finish() {
    if (handler_ == nullptr) return;
    SessionHandler* const handler = std::exchange(handler_, nullptr);
    closing_ = true;
    queue_.Clear();
    ReportBytes();
    close_timer_.cancel();
    error_code ignored;
    TcpOf(ws_.next_layer().next_layer()).close(ignored);
    loop_.probe->Coalesced(queue_.coalesced());
    loop_.probe->Closed(cause_);
    handler->OnClosed(cause_);
    self_.reset();  // whatever is still in flight holds its own reference
  }

  void ReportBytes() {
    const auto bytes = static_cast<int64_t>(queue_.bytes());
    if (bytes != reported_bytes_) loop_.probe->OutboundBytes(bytes - reported_bytes_);
    reported_bytes_ = bytes;
  }

  const Listener::Loop loop_;
  const std::shared_ptr<void> slot_;
  const bool tls_in_front_;
  UpgradeRequest request_;
  boost::beast::websocket::stream<CoalescingStream<Transport>> ws_;
  boost::asio::steady_timer close_timer_;
  OutboundQueue queue_;
  boost::beast::flat_buffer read_;
  size_t kept_read_bytes_ = kKeptReadBytes;
  std::shared_ptr<BeastSession> self_;  // from OnOpen() to OnClosed(): its handler refers to it
  SessionHandler* handler_ = nullptr;
  CloseCause cause_ = CloseCause::kPeer;
  int64_t reported_bytes_ = 0;
  bool reading_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool close_sent_ = false;
};

}  // namespace topgun::gateway
