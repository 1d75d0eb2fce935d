// The buffering layer between a WebSocket stream and its transport, a TCP socket or TLS over one.
//
// Beast makes one socket write per message and reads small pieces; a system call each would be the
// largest part of the gateway's work. This layer collects everything that is written until the end
// of the loop's turn (or of the socket write in flight) and sends it in one write, and it reads
// whatever the socket has into the loop's scratch buffer, so that many frames arrive in one read
// and idle connections own no buffer.
//
// Synchronous writes never block: they append. The session bounds what it appends by looking at
// buffered(). Asynchronous writes (Beast's own pong and close frames) complete when their bytes
// are with the kernel. Each write call appends one whole piece, and Beast writes a control frame
// as one piece, so frames never interleave.
//
// Lives inside a session, on its loop's thread. `Bind()` gives it the session's lifetime.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace topgun::gateway {

template <class Transport>
class CoalescingStream {
 public:
  using next_layer_type = Transport;
  using executor_type = typename next_layer_type::executor_type;
  using error_code = boost::system::error_code;

  // `scratch` belongs to the loop and is only used within one handler.
  CoalescingStream(next_layer_type socket, std::span<char> scratch)
      : socket_(std::move(socket)), scratch_(scratch) {}

  executor_type get_executor() { return socket_.get_executor(); }
  next_layer_type& next_layer() { return socket_; }
  const next_layer_type& next_layer() const { return socket_; }

  // `owner` is kept alive by writes in flight; `on_written` follows each of them.
  void Bind(std::weak_ptr<void> owner, std::function<void()> on_written) {
    owner_ = std::move(owner);
    on_written_ = std::move(on_written);
  }
  // Bytes that were read from the socket before the stream took over.
  void Preload(std::string bytes) { unread_ = std::move(bytes); }

  // Gives back buffers that have grown; small ones are used again.
  void Trim() {
    if (!writing_ && in_flight_.capacity() > kIdleCapacity) in_flight_ = {};
    if (pending_.empty() && pending_.capacity() > kIdleCapacity) pending_ = {};
  }

  size_t buffered() const { return pending_.size(); }
  bool writing() const { return writing_; }

  template <class Buffers>
  size_t write_some(const Buffers& buffers, error_code& error) {
    error = failed_;
    if (failed_) return 0;
    const size_t size = Append(buffers);
    ScheduleFlush();
    return size;
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers) {
    error_code error;
    const size_t size = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  template <class Buffers>
  size_t read_some(const Buffers& buffers, error_code& error) {
    if (!unread_.empty()) return TakeUnread(buffers);
    return socket_.read_some(buffers, error);
  }
  template <class Buffers>
  size_t read_some(const Buffers& buffers) {
    error_code error;
    const size_t size = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, size_t)>(
        [this](auto handler, const Buffers& data) { StartWrite(data, std::move(handler)); }, token,
        buffers);
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, size_t)>(
        [this](auto handler, const Buffers& space) { StartRead(space, std::move(handler)); }, token,
        buffers);
  }

 private:
  using WriteDone = std::function<void(error_code)>;

  template <class Buffers>
  size_t Append(const Buffers& buffers) {
    const size_t before = pending_.size();
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer piece = *it;
      pending_.append(static_cast<const char*>(piece.data()), piece.size());
    }
    return pending_.size() - before;
  }

  template <class Buffers, class Handler>
  void StartWrite(const Buffers& buffers, Handler handler) {
    if (failed_) {
      return boost::asio::post(get_executor(), [handler = std::move(handler),
                                                error = failed_]() mutable { handler(error, 0); });
    }
    const size_t size = Append(buffers);
    // std::function wants a copyable target.
    auto shared = std::make_shared<Handler>(std::move(handler));
    waiting_.push_back([shared, size](error_code error) { (*shared)(error, error ? 0 : size); });
    ScheduleFlush();
  }

  template <class Buffers, class Handler>
  void StartRead(const Buffers& buffers, Handler handler) {
    if (!unread_.empty()) {
      const size_t size = TakeUnread(buffers);
      return boost::asio::post(get_executor(), [handler = std::move(handler), size]() mutable {
        handler(error_code(), size);
      });
    }
    socket_.async_wait(boost::asio::socket_base::wait_read,
                       [this, buffers, handler = std::move(handler)](error_code error) mutable {
                         FinishRead(error, buffers, std::move(handler));
                       });
  }

  template <class Buffers, class Handler>
  void FinishRead(error_code error, const Buffers& buffers, Handler handler) {
    size_t size = 0;
    if (!error) {
      size = socket_.read_some(boost::asio::buffer(scratch_.data(), scratch_.size()), error);
    }
    if (error == boost::asio::error::would_block) return StartRead(buffers, std::move(handler));
    if (error) return handler(error, 0);
    const size_t taken =
        boost::asio::buffer_copy(buffers, boost::asio::buffer(scratch_.data(), size));
    unread_.assign(scratch_.data() + taken, size - taken);
    unread_begin_ = 0;
    handler(error, taken);
  }

  template <class Buffers>
  size_t TakeUnread(const Buffers& buffers) {
    const size_t size = boost::asio::buffer_copy(
        buffers,
        boost::asio::buffer(unread_.data() + unread_begin_, unread_.size() - unread_begin_));
    unread_begin_ += size;
    if (unread_begin_ == unread_.size()) {
      unread_ = {};
      unread_begin_ = 0;
    }
    return size;
  }

  // In a turn of its own, so that all frames of this turn leave together.
  void ScheduleFlush() {
    if (flush_scheduled_ || writing_) return;
    flush_scheduled_ = true;
    boost::asio::post(get_executor(), [this, owner = owner_.lock()] {
      flush_scheduled_ = false;
      Flush();
    });
  }

  void Flush() {
    if (writing_ || pending_.empty()) return;
    writing_ = true;
    std::swap(pending_, in_flight_);
    std::swap(waiting_, completing_);
    boost::asio::async_write(
        socket_, boost::asio::buffer(in_flight_),
        [this, owner = owner_.lock()](error_code error, size_t) { OnWritten(error); });
  }

  void OnWritten(error_code error) {
    writing_ = false;
    if (error) failed_ = error;
    in_flight_.clear();
    if (in_flight_.capacity() > kKeptCapacity) in_flight_ = {};
    const std::vector<WriteDone> done = std::exchange(completing_, {});
    for (const WriteDone& call : done) call(error);
    if (failed_) {
      for (const WriteDone& call : std::exchange(waiting_, {})) call(failed_);
      pending_.clear();
    }
    if (on_written_) on_written_();
    Flush();
  }

  static constexpr size_t kIdleCapacity = 512;
  static constexpr size_t kKeptCapacity = size_t{64} << 10;

  next_layer_type socket_;
  const std::span<char> scratch_;
  std::weak_ptr<void> owner_;
  std::function<void()> on_written_;

  std::string unread_;  // read from the socket, not yet asked for
  size_t unread_begin_ = 0;
  std::string pending_;    // to be written
  std::string in_flight_;  // being written
  std::vector<WriteDone> waiting_;
  std::vector<WriteDone> completing_;
  error_code failed_;
  bool writing_ = false;
  bool flush_scheduled_ = false;
};

}  // namespace topgun::gateway
