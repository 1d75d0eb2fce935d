// How the operations of one client travel, and their acknowledgements come back: as frames of a
// WebSocket connection (frame_channel.h) or as HTTP requests (http_channel.h).
//
// Connects again after every loss until Stop(). One io_context and its thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "client/session.h"
#include "stats/run_stats.h"
#include "wire/server_frame.h"

namespace topgun::loadgen {

class OpChannel {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // Whatever is unacknowledged is to be sent (again), as far as the channel takes it.
    virtual void OnReady() = 0;
    // Both are valid during the call.
    virtual void OnAck(const wire::OpAckFrame& ack) = 0;
    virtual void OnAnswer(const wire::QueryRespFrame& answer) = 0;
  };

  virtual ~OpChannel() = default;

  virtual void Start() = 0;
  // No callback follows.
  virtual void Stop() = 0;

  // Faults, see Session.
  virtual void Break() = 0;
  virtual void GoAway() = 0;
  virtual void ComeBack() = 0;

  virtual bool ready() const = 0;
  // Ready, and SendOps() would send at once. When it would not, OnReady() follows once it would.
  virtual bool CanSend() const = 0;
  // Why the client was refused for good; empty unless it was.
  virtual const std::string& refusal() const = 0;

  // Encoded operations in a row (workload/op_encoder.h); dropped unless CanSend().
  virtual void SendOps(uint32_t count, std::string_view ops) = 0;
  // Any other frame; dropped unless ready, and over HTTP.
  virtual void SendFrame(std::string_view frame) = 0;
};

// `options` as of a Session. `stats`, `decoded` and `listener` must outlive the channel. `batch`:
// the usual number of operations. `write_concern`: empty for none.
std::unique_ptr<OpChannel> MakeFrameChannel(boost::asio::io_context& io, Session::Options options,
                                            uint32_t batch, std::string_view write_concern,
                                            RunStats& stats, wire::ServerFrame& decoded,
                                            OpChannel::Listener& listener);
// `client_id`: as whom it sends.
std::unique_ptr<OpChannel> MakeHttpChannel(boost::asio::io_context& io, Session::Options options,
                                           std::string client_id, RunStats& stats,
                                           OpChannel::Listener& listener);

}  // namespace topgun::loadgen
