#include "proxy/proxy_pipe.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <utility>

namespace topgun::loadgen {

namespace asio = boost::asio;
using std::chrono::steady_clock;

ProxyPipe::ProxyPipe(tcp::socket& from, tcp::socket& to, FaultSchedule& schedule,
                     ProxyReport& report, uint64_t& bytes, std::string& space)
    : from_(from),
      to_(to),
      schedule_(schedule),
      report_(report),
      bytes_(bytes),
      space_(space),
      timer_(from.get_executor()) {}

void ProxyPipe::Start(std::weak_ptr<void> owner, Done done) {
  owner_ = std::move(owner);
  done_ = std::move(done);
  Read();
}

void ProxyPipe::Cancel() {
  done_ = nullptr;
  timer_.cancel();
}

void ProxyPipe::Read() {
  if (reading_ || ended_ || !done_ || buffered_ >= kBytesMax) return;
  reading_ = true;
  from_.async_wait(tcp::socket::wait_read, [this, self = owner_.lock()](error_code error) {
    reading_ = false;
    if (done_) OnReadable(error);
  });
}

void ProxyPipe::OnReadable(error_code error) {
  const size_t room = std::min(kReadBytesMax, kBytesMax - buffered_);
  const size_t size = error ? 0 : from_.read_some(asio::buffer(space_.data(), room), error);
  if (error == asio::error::would_block) return Read();
  if (error == asio::error::eof) {
    ended_ = true;
    return Flush();
  }
  if (error) return End(true);
  Keep(size);
  Read();
  Flush();
}

void ProxyPipe::Keep(size_t size) {
  // Jitter must not change the order.
  last_release_ = std::max(last_release_, schedule_.ReleaseAt(steady_clock::now()));
  chunks_.push_back({space_.substr(0, size), last_release_});
  buffered_ += size;
  report_.buffered_max = std::max<uint64_t>(report_.buffered_max, buffered_);
  if (buffered_ >= kBytesMax) ++report_.full;
}

void ProxyPipe::Flush() {
  if (writing_ || !done_) return;
  if (chunks_.empty()) {
    if (!ended_) return;
    error_code ignored;
    to_.shutdown(tcp::socket::shutdown_send, ignored);
    return End(false);
  }
  const auto now = steady_clock::now();
  const auto at = std::max({chunks_.front().release, free_at_, schedule_.StallEnd(now)});
  at > now ? WaitUntil(at) : Write();
}

void ProxyPipe::WaitUntil(FaultSchedule::Time at) {
  timer_.expires_at(at);
  timer_.async_wait([this, self = owner_.lock()](error_code error) {
    if (!error) Flush();
  });
}

void ProxyPipe::Write() {
  const std::string& bytes = chunks_.front().bytes;
  const size_t size = std::min(bytes.size() - offset_, schedule_.PieceMax());
  writing_ = true;
  to_.async_write_some(asio::buffer(bytes.data() + offset_, size),
                       [this, self = owner_.lock()](error_code error, size_t written) {
                         writing_ = false;
                         if (!done_) return;
                         error ? End(true) : OnWritten(written);
                       });
}

void ProxyPipe::OnWritten(size_t size) {
  bytes_ += size;
  buffered_ -= size;
  offset_ += size;
  free_at_ = std::max(free_at_, steady_clock::now()) + schedule_.TimeFor(size);
  if (offset_ == chunks_.front().bytes.size()) {
    chunks_.pop_front();
    offset_ = 0;
  }
  Read();
  Flush();
}

void ProxyPipe::End(bool broken) {
  const Done done = std::exchange(done_, nullptr);
  if (done) done(broken);
}

}  // namespace topgun::loadgen
