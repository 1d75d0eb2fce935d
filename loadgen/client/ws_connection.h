// One WebSocket connection from opening it to its end. Frames are written and read by ws_frame.h:
// Beast's WebSocket stream would make one socket write per message and one asynchronous operation
// per received message, and the generator shares its cores with the servers it measures.
//
// Lives until its last handler has run; Close(), Drop() and a failure detach it from listener and
// traffic, so that those handlers are harmless. Used on its loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "client/client_stream.h"
#include "client/url.h"
#include "client/ws_client.h"
#include "client/ws_frame.h"
#include "client/ws_opener.h"
#include "workload/random.h"

namespace topgun::loadgen {

class WsConnection : public std::enable_shared_from_this<WsConnection> {
 public:
  // `seed`: of masks and of the key of the upgrade.
  WsConnection(boost::asio::io_context& io, const Endpoint& endpoint, const std::string& source_ip,
               WsClient::Listener& listener, Traffic& traffic, uint64_t seed);

  void Start();
  // The others do what the methods of WsClient of the same names say.
  void Send(WsOpcode opcode, std::initializer_list<std::string_view> parts);
  void Close();
  void Drop();
  void StopReading();

 private:
  using error_code = boost::system::error_code;

  // Room for one read: grows with what comes, so that ten thousand idle connections stay small.
  static constexpr size_t kReadBytesMin = 1024;

  void OnOpened(const StatusOr<std::string>& first_bytes);
  void ReadMore();
  void OnRead(error_code error, size_t size);
  void AwaitEnd();
  bool HandleFrames();
  bool HandleFrame(const WsFrame& frame);
  bool Deliver(const WsFrame& frame);
  void ScheduleFlush();
  void Flush();
  void Fail(std::string_view reason);
  void CloseSocket();

  const Endpoint endpoint_;
  const std::string source_ip_;
  WsClient::Listener* listener_;  // null once detached
  Traffic* traffic_;
  Random random_;
  ClientStream stream_;
  WsOpener opener_;
  boost::asio::steady_timer close_timer_;

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

}  // namespace topgun::loadgen
