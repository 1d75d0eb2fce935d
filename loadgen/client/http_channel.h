// Operations as the bodies of POST /sync (core.md 9.1) over a kept-alive connection, one request on
// the way at a time.
//
// A first request without operations shows that the endpoint is there. A connection that is lost is
// made again: at once when it had answered before, since servers end idle ones as they like, else
// with the stock client's backoff. An answer with errors that are not about single operations
// pauses the client as long. See OpChannel.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "client/backoff.h"
#include "client/http_connection.h"
#include "client/op_channel.h"
#include "client/sync_body.h"
#include "client/traffic.h"

namespace topgun::loadgen {

class HttpChannel final : public OpChannel, private HttpConnection::Listener {
 public:
  HttpChannel(boost::asio::io_context& io, Session::Options options, std::string client_id,
              RunStats& stats, OpChannel::Listener& listener);
  ~HttpChannel() override;

  void Start() override;
  void Stop() override;
  void Break() override;
  void GoAway() override;
  void ComeBack() override;
  bool ready() const override { return state_ == State::kReady || state_ == State::kPausing; }
  bool CanSend() const override { return state_ == State::kReady && connection_->idle(); }
  const std::string& refusal() const override { return refusal_; }
  void SendOps(uint32_t count, std::string_view ops) override;
  void SendFrame(std::string_view /*frame*/) override {}

 private:
  enum class State { kIdle, kConnecting, kReady, kPausing, kBackoff, kAway };

  void OnOpen() override;
  void OnAnswer(const HttpAnswer& answer) override;
  void OnClosed(std::string_view reason) override;

  void Connect();
  void Post(uint32_t count, std::string_view ops);
  void BecomeReady();
  // Any status but 200.
  void OnFailure(const HttpAnswer& answer);
  // Tells the listener what became of the operations. False: nothing did.
  bool Settle(const SyncBodyAnswer& answer);
  // Before the next request: a pause, or the backoff when the connection was not `kept`.
  void Wait(bool kept);
  void CountClose(std::string_view reason);
  void BackOff();
  void TakeDown(State next);
  void CountTraffic();

  boost::asio::io_context& io_;
  const Session::Options options_;
  const std::string client_id_;
  RunStats& stats_;
  OpChannel::Listener& listener_;
  Traffic traffic_;
  std::shared_ptr<HttpConnection> connection_;  // null before, and while there is none
  boost::asio::steady_timer timer_;             // of the backoff, or a pause
  Backoff backoff_;
  State state_ = State::kIdle;
  size_t attempts_ = 0;
  bool accepted_ = false;  // the endpoint has answered a first request
  bool was_ready_ = false;
  bool has_answered_ = false;  // this connection
  std::string refusal_;
  std::chrono::steady_clock::time_point connecting_since_;
};

}  // namespace topgun::loadgen
