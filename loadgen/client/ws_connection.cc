#include "client/ws_connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "client/reused_buffer.h"

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::seconds kCloseTimeout{1};
constexpr size_t kReadBytesMax = size_t{64} * 1024;
constexpr size_t kMessageBytesMax = size_t{64} * 1024 * 1024;  // snapshots of large maps

}  // namespace

WsConnection::WsConnection(asio::io_context& io, const Endpoint& endpoint,
                           const std::string& source_ip, WsClient::Listener& listener,
                           Traffic& traffic, uint64_t seed)
    : endpoint_(endpoint),
      source_ip_(source_ip),
      listener_(&listener),
      traffic_(&traffic),
      random_(seed),
      stream_(io),
      opener_(io, stream_, endpoint_, source_ip_, random_, traffic),
      close_timer_(io) {}

void WsConnection::Start() {
  opener_.Start(weak_from_this(),
                [this](const StatusOr<std::string>& first_bytes) { OnOpened(first_bytes); });
}

void WsConnection::OnOpened(const StatusOr<std::string>& first_bytes) {
  if (!first_bytes.ok()) return Fail(Message(first_bytes.status()));
  open_ = true;
  in_ = *first_bytes;
  in_end_ = in_.size();
  listener_->OnOpen();
  if (HandleFrames()) ReadMore();
}

void WsConnection::ReadMore() {
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

void WsConnection::OnRead(error_code error, size_t size) {
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
void WsConnection::AwaitEnd() {
  if (read_in_flight_ || !stream_.socket().is_open()) return;
  in_.resize(kReadBytesMin);
  read_in_flight_ = true;
  stream_.async_read_some(
      asio::buffer(in_.data(), in_.size()),
      [self = shared_from_this()](error_code error, size_t size) { self->OnRead(error, size); });
}

// False once the connection is over.
bool WsConnection::HandleFrames() {
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

bool WsConnection::HandleFrame(const WsFrame& frame) {
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

bool WsConnection::Deliver(const WsFrame& frame) {
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

void WsConnection::Send(WsOpcode opcode, std::initializer_list<std::string_view> parts) {
  if (!open_ || closing_) return;
  AppendClientFrame(opcode, parts, static_cast<uint32_t>(random_.Next()), out_);
  ScheduleFlush();
}

// Flushing in a turn of its own lets all frames of this turn leave together.
void WsConnection::ScheduleFlush() {
  if (flush_scheduled_ || write_in_flight_) return;
  flush_scheduled_ = true;
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->Flush();
  });
}

void WsConnection::Flush() {
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
                      EmptyForReuse(self->writing_);
                      if (self->listener_ != nullptr) self->traffic_->bytes_sent += size;
                      if (!error) return self->Flush();
                      // Otherwise the pending read reports the reason of the failure.
                      if (!self->read_in_flight_) self->Fail(error.message());
                    });
}

void WsConnection::Close() {
  listener_ = nullptr;
  if (!open_) return CloseSocket();
  constexpr std::string_view kNormalClosure("\x03\xe8", 2);
  Send(WsOpcode::kClose, {kNormalClosure});
  closing_ = true;
  ScheduleFlush();
  // A peer that does not read must not keep the event loop alive.
  close_timer_.expires_after(kCloseTimeout);
  close_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->CloseSocket();
  });
}

void WsConnection::StopReading() {
  reading_ = false;
  // What the server sends is not seen any more; that it has gone is, once something is sent to it.
  stream_.socket().async_wait(tcp::socket::wait_error,
                              [self = shared_from_this()](error_code error) {
                                if (!error) self->Fail("closed by the server");
                              });
}

void WsConnection::Drop() {
  listener_ = nullptr;
  CloseSocket();
}

void WsConnection::Fail(std::string_view reason) {
  WsClient::Listener* const listener = std::exchange(listener_, nullptr);
  CloseSocket();
  if (listener != nullptr) listener->OnClosed(reason);
}

void WsConnection::CloseSocket() {
  open_ = false;
  opener_.Cancel();
  close_timer_.cancel();
  error_code ignored;
  stream_.socket().close(ignored);
}

}  // namespace topgun::loadgen
