// The only file that knows Beast. Beast makes the HTTP upgrade; frames are then read and written by
// ws_frame.h: Beast's WebSocket stream would make one socket write per message and one asynchronous
// operation per received message, and the generator shares its cores with the servers it measures.
#include <netinet/in.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "client/base64.h"
#include "client/client_stream.h"
#include "client/ws_client.h"
#include "client/ws_frame.h"
#include "workload/random.h"

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::chrono::seconds kOpenTimeout{5};  // core.md 2.8
constexpr std::chrono::seconds kCloseTimeout{1};
// Room for one read: grows with what comes, so that ten thousand idle connections stay small.
constexpr size_t kReadBytesMin = 1024;
constexpr size_t kReadBytesMax = size_t{64} * 1024;
constexpr size_t kMessageBytesMax = size_t{64} * 1024 * 1024;  // snapshots of large maps

// One TCP connection from resolving to the end. Lives until its last handler has run; Detach()
// makes those handlers harmless.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, const Endpoint& endpoint, const std::string& source_ip,
             WsClient::Listener& listener, WsClient::Traffic& traffic, uint64_t seed)
      : endpoint_(endpoint),
        source_ip_(source_ip),
        listener_(&listener),
        traffic_(&traffic),
        random_(seed),
        resolver_(io),
        stream_(io),
        open_timer_(io) {}

  void Start();
  void Send(WsOpcode opcode, std::initializer_list<std::string_view> parts);
  void Close();
  void Drop();
  void StopReading();

 private:
  void Resolve();
  void ConnectTo(const tcp::endpoint& address);
  void ConnectToAny(const tcp::resolver::results_type& addresses);
  void OnConnected(error_code error);
  void SendUpgrade();
  void OnUpgradeResponse(error_code error);
  void ReadMore();
  void OnRead(error_code error, size_t size);
  bool HandleFrames();
  bool HandleFrame(const WsFrame& frame);
  bool Deliver(const WsFrame& frame);
  void ScheduleFlush();
  void Flush();
  void Fail(std::string_view reason);
  void CloseSocket();

  void AwaitEnd();

  const Endpoint endpoint_;
  const std::string source_ip_;
  WsClient::Listener* listener_;  // null once detached
  WsClient::Traffic* traffic_;
  Random random_;
  tcp::resolver resolver_;
  ClientStream stream_;
  asio::steady_timer open_timer_;
  std::string error_text_;
  std::string key_;
  http::request<http::empty_body> request_;
  http::response<http::empty_body> response_;
  boost::beast::flat_buffer response_buffer_;

  bool open_ = false;
  bool closing_ = false;
  bool write_in_flight_ = false;
  bool flush_scheduled_ = false;
  bool reading_ = true;
  bool read_in_flight_ = false;
  std::string out_;      // frames not yet handed to the socket
  std::string writing_;  // frames the socket is writing
  std::string in_;       // received bytes: [in_begin_, in_end_) are unparsed
  size_t read_bytes_ = kReadBytesMin;
  size_t in_begin_ = 0;
  size_t in_end_ = 0;
  std::string fragments_;  // a fragmented message so far
  bool in_message_ = false;
};

void Connection::Start() {
  open_timer_.expires_after(kOpenTimeout);
  open_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->open_) self->Fail("connecting timed out");
  });
  // Thousands of connections to one address need no resolver.
  error_code not_numeric;
  const auto address = asio::ip::make_address(endpoint_.host, not_numeric);
  if (not_numeric) return Resolve();
  ConnectTo({address, static_cast<uint16_t>(std::stoi(endpoint_.port))});
}

void Connection::Resolve() {
  resolver_.async_resolve(
      endpoint_.host, endpoint_.port,
      [self = shared_from_this()](error_code error, const tcp::resolver::results_type& addresses) {
        if (error) return self->Fail(error.message());
        if (!self->source_ip_.empty()) return self->ConnectTo(*addresses.begin());
        self->ConnectToAny(addresses);
      });
}

void Connection::ConnectToAny(const tcp::resolver::results_type& addresses) {
  asio::async_connect(stream_.socket(), addresses,
                      [self = shared_from_this()](error_code error, const tcp::endpoint&) {
                        self->OnConnected(error);
                      });
}

void Connection::ConnectTo(const tcp::endpoint& address) {
  error_code error;
  tcp::socket& socket = stream_.socket();
  socket.open(address.protocol(), error);
  if (!error && !source_ip_.empty()) {
    // The port is chosen while connecting, so that it only has to be unique per target.
    using LatePort = asio::detail::socket_option::boolean<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>;
    socket.set_option(LatePort(true), error);
    if (!error) socket.bind({asio::ip::make_address(source_ip_, error), 0}, error);
    if (error) error_text_ = "cannot connect from " + source_ip_ + ": " + error.message();
  }
  if (error) {
    // In a turn of its own: Connect() must not call back.
    return asio::post(stream_.get_executor(), [self = shared_from_this(), error] {
      self->Fail(self->error_text_.empty() ? error.message() : self->error_text_);
    });
  }
  socket.async_connect(
      address, [self = shared_from_this()](error_code result) { self->OnConnected(result); });
}

void Connection::OnConnected(error_code error) {
  if (listener_ == nullptr) return;
  if (error) return Fail(error.message());
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  if (endpoint_.tls == nullptr) return SendUpgrade();
  if (const Status status = stream_.UseTls(endpoint_.tls, endpoint_.host); !status.ok()) {
    return Fail(Message(status));
  }
  stream_.async_handshake([self = shared_from_this()](error_code result) {
    if (self->listener_ == nullptr) return;
    if (result) return self->Fail("TLS handshake: " + self->stream_.Describe(result));
    self->SendUpgrade();
  });
}

void Connection::SendUpgrade() {
  const uint64_t nonce[2] = {random_.Next(), random_.Next()};
  key_ = Base64({reinterpret_cast<const char*>(nonce), sizeof nonce});
  request_ = {http::verb::get, endpoint_.path, 11};
  request_.set(http::field::host, endpoint_.Authority());
  request_.set(http::field::upgrade, "websocket");
  request_.set(http::field::connection, "Upgrade");
  request_.set(http::field::sec_websocket_key, key_);
  request_.set(http::field::sec_websocket_version, "13");
  http::async_write(stream_, request_, [self = shared_from_this()](error_code error, size_t size) {
    if (self->listener_ == nullptr) return;
    if (error) return self->Fail(error.message());
    self->traffic_->bytes_sent += size;
    http::async_read(
        self->stream_, self->response_buffer_, self->response_,
        [self](error_code read_error, size_t) { self->OnUpgradeResponse(read_error); });
  });
}

void Connection::OnUpgradeResponse(error_code error) {
  if (listener_ == nullptr) return;
  if (error) return Fail(error.message());
  if (response_.result() != http::status::switching_protocols) {
    return Fail("the upgrade was answered with HTTP " + std::to_string(response_.result_int()));
  }
  if (response_[http::field::sec_websocket_accept] != WebSocketAccept(key_)) {
    return Fail("the upgrade was answered with a wrong Sec-WebSocket-Accept");
  }
  open_ = true;
  open_timer_.cancel();
  // Frames that came right behind the response.
  in_.assign(static_cast<const char*>(response_buffer_.data().data()), response_buffer_.size());
  in_end_ = in_.size();
  listener_->OnOpen();
  if (HandleFrames()) ReadMore();
}

void Connection::ReadMore() {
  if (!reading_) return;
  if (in_begin_ == in_end_) in_begin_ = in_end_ = 0;
  if (in_.size() - in_end_ < read_bytes_ / 2) {
    // Move what is unparsed to the front; a frame larger than the buffer makes it grow.
    in_.erase(0, in_begin_);
    in_end_ -= in_begin_;
    in_begin_ = 0;
    in_.resize(std::max(in_end_ + read_bytes_, in_.size()));
  }
  read_in_flight_ = true;
  stream_.async_read_some(
      asio::buffer(in_.data() + in_end_, in_.size() - in_end_),
      [self = shared_from_this()](error_code error, size_t size) { self->OnRead(error, size); });
}

void Connection::OnRead(error_code error, size_t size) {
  read_in_flight_ = false;
  if (closing_) return error ? CloseSocket() : AwaitEnd();
  if (listener_ == nullptr) return;
  if (error) return Fail(error == asio::error::eof ? "closed by the server" : error.message());
  traffic_->bytes_received += size;
  in_end_ += size;
  if (in_end_ == in_.size()) read_bytes_ = std::min(read_bytes_ * 2, kReadBytesMax);
  if (HandleFrames()) ReadMore();
}

// The server ends a closed connection, so that the port is free at once on this side.
void Connection::AwaitEnd() {
  if (read_in_flight_ || !stream_.socket().is_open()) return;
  in_.resize(kReadBytesMin);
  read_in_flight_ = true;
  stream_.async_read_some(
      asio::buffer(in_.data(), in_.size()),
      [self = shared_from_this()](error_code error, size_t size) { self->OnRead(error, size); });
}

// False once the connection is over.
bool Connection::HandleFrames() {
  while (listener_ != nullptr) {
    WsFrame frame;
    const std::string_view unparsed(in_.data() + in_begin_, in_end_ - in_begin_);
    const WsParse parsed = ParseServerFrame(unparsed, kMessageBytesMax, &frame);
    if (parsed == WsParse::kNeedMore) return true;
    if (parsed == WsParse::kMalformed) {
      Fail("malformed WebSocket frame");
      return false;
    }
    in_begin_ += frame.size;
    if (!HandleFrame(frame)) return false;
  }
  return false;
}

// "1013 slow consumer": code and reason of a close frame, as far as it has them.
std::string CloseReason(std::string_view payload) {
  if (payload.size() < 2) return "closed by the server";
  const auto byte = [&](size_t i) {
    return static_cast<unsigned>(static_cast<uint8_t>(payload[i]));
  };
  const std::string code = std::to_string((byte(0) << 8) | byte(1));
  return payload.size() == 2 ? code : code + " " + std::string(payload.substr(2));
}

bool Connection::HandleFrame(const WsFrame& frame) {
  switch (frame.opcode) {
    case WsOpcode::kPing:
      Send(WsOpcode::kPong, {frame.payload});
      return true;
    case WsOpcode::kPong:
      return true;
    case WsOpcode::kClose: {
      Fail(CloseReason(frame.payload));
      return false;
    }
    default:
      return Deliver(frame);
  }
}

bool Connection::Deliver(const WsFrame& frame) {
  if ((frame.opcode == WsOpcode::kContinuation) != in_message_ ||
      fragments_.size() + frame.payload.size() > kMessageBytesMax) {
    Fail("malformed WebSocket message");
    return false;
  }
  if (frame.final && !in_message_) {
    listener_->OnMessage(frame.payload);
    return true;
  }
  in_message_ = !frame.final;
  fragments_.append(frame.payload);
  if (!frame.final) return true;
  const std::string message = std::exchange(fragments_, {});
  listener_->OnMessage(message);
  return true;
}

void Connection::Send(WsOpcode opcode, std::initializer_list<std::string_view> parts) {
  if (!open_ || closing_) return;
  AppendClientFrame(opcode, parts, static_cast<uint32_t>(random_.Next()), out_);
  ScheduleFlush();
}

// Flushing in a turn of its own lets all frames of this turn leave together.
void Connection::ScheduleFlush() {
  if (flush_scheduled_ || write_in_flight_) return;
  flush_scheduled_ = true;
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->Flush();
  });
}

void Connection::Flush() {
  if (write_in_flight_ || !stream_.socket().is_open()) return;
  if (out_.empty()) {
    if (closing_) AwaitEnd();
    return;
  }
  write_in_flight_ = true;
  std::swap(out_, writing_);
  asio::async_write(stream_, asio::buffer(writing_),
                    [self = shared_from_this()](error_code error, size_t size) {
                      self->write_in_flight_ = false;
                      self->writing_.clear();
                      if (self->listener_ != nullptr) self->traffic_->bytes_sent += size;
                      if (!error) return self->Flush();
                      // Otherwise the pending read reports the reason of the failure.
                      if (!self->read_in_flight_) self->Fail(error.message());
                    });
}

void Connection::Close() {
  listener_ = nullptr;
  if (!open_) return CloseSocket();
  constexpr std::string_view kNormalClosure("\x03\xe8", 2);
  Send(WsOpcode::kClose, {kNormalClosure});
  closing_ = true;
  ScheduleFlush();
  // A peer that does not read must not keep the event loop alive.
  open_timer_.expires_after(kCloseTimeout);
  open_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->CloseSocket();
  });
}

void Connection::StopReading() {
  reading_ = false;
  // What the server sends is not seen any more; that it has gone is, once something is sent to it.
  stream_.socket().async_wait(tcp::socket::wait_error,
                              [self = shared_from_this()](error_code error) {
                                if (!error) self->Fail("closed by the server");
                              });
}

void Connection::Drop() {
  listener_ = nullptr;
  CloseSocket();
}

void Connection::Fail(std::string_view reason) {
  WsClient::Listener* const listener = std::exchange(listener_, nullptr);
  CloseSocket();
  if (listener != nullptr) listener->OnClosed(reason);
}

void Connection::CloseSocket() {
  open_ = false;
  open_timer_.cancel();
  resolver_.cancel();
  error_code ignored;
  stream_.socket().close(ignored);
}

class BeastWsClient final : public WsClient {
 public:
  BeastWsClient(asio::io_context& io, const Endpoint& endpoint, const std::string& source_ip,
                Listener& listener, Traffic& traffic)
      : io_(io),
        endpoint_(endpoint),
        source_ip_(source_ip),
        listener_(listener),
        traffic_(traffic) {}
  ~BeastWsClient() override {
    if (connection_) connection_->Drop();
  }

  void Connect() override {
    if (connection_) connection_->Drop();
    const auto seed =
        static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    connection_ =
        std::make_shared<Connection>(io_, endpoint_, source_ip_, listener_, traffic_, seed);
    connection_->Start();
  }
  void Send(std::initializer_list<std::string_view> parts) override {
    if (connection_) connection_->Send(WsOpcode::kBinary, parts);
  }
  void Close() override {
    if (connection_) std::exchange(connection_, nullptr)->Close();
  }
  void Drop() override {
    if (connection_) std::exchange(connection_, nullptr)->Drop();
  }
  void StopReading() override {
    if (connection_) connection_->StopReading();
  }

 private:
  asio::io_context& io_;
  const Endpoint endpoint_;
  const std::string source_ip_;
  Listener& listener_;
  Traffic& traffic_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<WsClient> MakeWsClient(asio::io_context& io, const Endpoint& endpoint,
                                       const std::string& source_ip, WsClient::Listener& listener,
                                       WsClient::Traffic& traffic) {
  return std::make_unique<BeastWsClient>(io, endpoint, source_ip, listener, traffic);
}

}  // namespace topgun::loadgen
