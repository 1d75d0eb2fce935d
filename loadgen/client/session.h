// A TopGun client connection: the life cycle of core.md section 2 over a WsClient.
//
// Connects, authenticates (or greets, in no-auth mode), keeps the heartbeat, and after every loss
// connects again with the stock client's backoff until Stop(), each time to the next endpoint, as
// behind a load balancer. What comes in once it is ready goes to the listener. One io_context and
// its thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/backoff.h"
#include "client/traffic.h"
#include "client/url.h"
#include "client/ws_client.h"
#include "stats/run_stats.h"
#include "wire/server_frame.h"

namespace topgun::loadgen {

class Session final : private WsClient::Listener {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // After every AUTH_ACK, also a repeated one: whatever is unacknowledged is to be sent (again).
    virtual void OnReady() = 0;
    // `frame` is valid during the call. Not called for the messages of the life cycle.
    virtual void OnFrame(const wire::ServerFrame& frame) = 0;
    // The connection was ready and is lost, or was broken by the methods below.
    virtual void OnDown() {}
    // The connection is lost, whether or not it was ready, and no other one follows (`reconnect`).
    virtual void OnLost() {}
  };

  struct Options {
    std::vector<Endpoint> endpoints;  // at least one; the first is the first to be tried
    std::string token;                // empty: no-auth mode
    std::string source_ip;            // to connect from; empty: the system's choice
    uint64_t seed = 0;                // of the backoff's jitter
    bool reconnect = true;            // else a lost connection stays lost
  };

  // All must outlive the session. `decoded` is scratch space shared by the sessions of a thread.
  Session(boost::asio::io_context& io, Options options, RunStats& stats, wire::ServerFrame& decoded,
          Listener& listener);

  void Start();
  // No callback follows.
  void Stop();

  // What goes wrong in the life of a client, on purpose. Breaks the connection and connects again
  // with the usual backoff:
  void Break();
  // Is away until ComeBack(), which connects at once. Both do nothing when it is so already.
  void GoAway();
  void ComeBack();
  // Takes nothing from the socket any more until the next connection.
  void StopReading();
  // Sends no PING any more, as if the machine had vanished.
  void FallSilent() { heartbeat_timer_.cancel(); }

  bool away() const { return state_ == State::kAway; }
  bool ready() const { return state_ == State::kReady; }
  // Why the session was refused for good; empty unless it was (AUTH_FAIL).
  const std::string& refusal() const { return refusal_; }

  // One message made of the parts in a row; dropped unless ready.
  void Send(std::initializer_list<std::string_view> parts);

 private:
  enum class State { kIdle, kConnecting, kOpen, kReady, kBackoff, kAway };

  void OnOpen() override;
  void OnMessage(std::string_view message) override;
  void OnClosed(std::string_view reason) override;

  void Connect();
  void SendAuth();
  void BecomeReady();
  void AwaitSilence();
  void ScheduleHeartbeat();
  void Heartbeat();
  void Reconnect();
  void BackOff();
  // True when it had been ready.
  bool TakeDown(State next);
  void Refuse(std::string_view reason);
  void CountTraffic();

  boost::asio::io_context& io_;
  const Options options_;
  RunStats& stats_;
  wire::ServerFrame& decoded_;
  Listener& listener_;
  Traffic traffic_;
  std::unique_ptr<WsClient> socket_;
  size_t attempts_ = 0;
  boost::asio::steady_timer heartbeat_timer_;
  boost::asio::steady_timer state_timer_;  // backoff, or the silence of no-auth mode
  Backoff backoff_;
  State state_ = State::kIdle;
  bool was_ready_ = false;
  bool reading_ = true;
  std::string refusal_;
  std::chrono::steady_clock::time_point connecting_since_;
  std::chrono::steady_clock::time_point open_since_;
  std::chrono::steady_clock::time_point last_ping_;
  std::chrono::steady_clock::time_point last_pong_;
};

}  // namespace topgun::loadgen
