// One direction of a connection through the fault proxy: reads from one socket and, when the
// schedule says so, writes to the other. What it holds is bounded: while its buffer is full it does
// not read, so that the sender is slowed down by its own socket.
//
// A part of a ProxyLink, on the proxy's thread. Closing the sockets ends it.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "proxy/fault_schedule.h"
#include "proxy/proxy_report.h"

namespace topgun::loadgen {

class ProxyPipe {
 public:
  using tcp = boost::asio::ip::tcp;
  // Whether a socket failed; else the end of what came has been passed on.
  using Done = std::function<void(bool broken)>;

  // With a latency this is also what is on its way: more than this per latency does not pass.
  static constexpr size_t kBytesMax = size_t{1} << 20;
  static constexpr size_t kReadBytesMax = size_t{64} * 1024;

  // `bytes`: where passed bytes are counted. `space`: kReadBytesMax bytes that all pipes of the
  // thread share. All must outlive the pipe.
  ProxyPipe(tcp::socket& from, tcp::socket& to, FaultSchedule& schedule, ProxyReport& report,
            uint64_t& bytes, std::string& space);

  // Whatever waits keeps `owner` alive, of which this is a part. `done` is called once, unless the
  // owner has gone before.
  void Start(std::weak_ptr<void> owner, Done done);
  void Cancel();

 private:
  using error_code = boost::system::error_code;
  struct Chunk {
    std::string bytes;
    FaultSchedule::Time release;
  };

  void Read();
  void OnReadable(error_code error);
  void Keep(size_t size);
  void Flush();
  void WaitUntil(FaultSchedule::Time at);
  void Write();
  void OnWritten(size_t size);
  void End(bool broken);

  tcp::socket& from_;
  tcp::socket& to_;
  FaultSchedule& schedule_;
  ProxyReport& report_;
  uint64_t& bytes_;
  std::string& space_;
  boost::asio::steady_timer timer_;
  std::weak_ptr<void> owner_;
  Done done_;  // null once it is over
  std::deque<Chunk> chunks_;
  size_t offset_ = 0;            // of the first chunk: written already
  size_t buffered_ = 0;          // bytes in the chunks, without those written
  FaultSchedule::Time free_at_;  // by the bandwidth
  FaultSchedule::Time last_release_;
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;  // nothing more comes
};

}  // namespace topgun::loadgen
