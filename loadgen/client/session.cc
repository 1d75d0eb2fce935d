#include "client/session.h"

#include <boost/asio/io_context.hpp>
#include <utility>

#include "wire/client_encode.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using wire::FrameType;

// The stock client's times: core.md 2.2, 2.7.
constexpr milliseconds kSilence{500};
constexpr milliseconds kPingEvery{5'000};
constexpr milliseconds kPongTimeout{15'000};

int64_t Ns(steady_clock::duration time) { return time / std::chrono::nanoseconds(1); }

double WallMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<milliseconds>(now).count());
}

}  // namespace

Session::Session(boost::asio::io_context& io, Options options, RunStats& stats,
                 wire::ServerFrame& decoded, Listener& listener)
    : io_(io),
      options_(std::move(options)),
      stats_(stats),
      decoded_(decoded),
      listener_(listener),
      socket_(MakeWsClient(io, options_.endpoints.front(), options_.source_ip, *this, traffic_)),
      heartbeat_timer_(io),
      state_timer_(io),
      backoff_(options_.seed) {}

void Session::Start() {
  was_ready_ = false;
  Connect();
}

void Session::Stop() {
  state_ = State::kIdle;
  heartbeat_timer_.cancel();
  state_timer_.cancel();
  socket_->Close();
  CountTraffic();
}

void Session::Send(std::initializer_list<std::string_view> parts) {
  if (ready()) socket_->Send(parts);
}

void Session::Connect() {
  state_ = State::kConnecting;
  reading_ = true;
  connecting_since_ = steady_clock::now();
  const std::vector<Endpoint>& endpoints = options_.endpoints;
  if (endpoints.size() > 1 && attempts_ > 0) {
    const Endpoint& next = endpoints[attempts_ % endpoints.size()];
    socket_ = MakeWsClient(io_, next, options_.source_ip, *this, traffic_);
  }
  ++attempts_;
  socket_->Connect();
}

void Session::OnOpen() {
  state_ = State::kOpen;
  open_since_ = steady_clock::now();
  stats_.connect_latency.Record(Ns(open_since_ - connecting_since_));
  if (!options_.token.empty()) return SendAuth();
  std::string hello;
  wire::EncodeDeviceHello({}, hello);
  socket_->Send({hello});
  AwaitSilence();
}

// A client that has a token sends it as soon as the socket opens, and again on AUTH_REQUIRED.
void Session::SendAuth() {
  std::string auth;
  wire::EncodeAuth({.token = options_.token, .device_token = {}, .protocol_version = {}}, auth);
  socket_->Send({auth});
}

// In no-auth mode half a second without AUTH_REQUIRED means ready.
void Session::AwaitSilence() {
  state_timer_.expires_after(kSilence);
  state_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && state_ == State::kOpen) BecomeReady();
  });
}

void Session::OnMessage(std::string_view message) {
  ++stats_.frames_received;
  CountTraffic();
  if (!wire::DecodeServerFrame(message, decoded_).ok()) {
    ++stats_.undecodable_frames;
    return;
  }
  switch (decoded_.type) {
    case FrameType::kAuthRequired:
      if (options_.token.empty()) return Refuse("the server requires a token");
      return SendAuth();
    case FrameType::kAuthAck:
    case FrameType::kDeviceAck:
      return BecomeReady();
    case FrameType::kAuthFail:
      return Refuse(decoded_.auth_fail.error.value_or("AUTH_FAIL"));
    case FrameType::kPong:
      last_pong_ = steady_clock::now();
      stats_.pong_latency.Record((last_pong_ - last_ping_) / std::chrono::nanoseconds(1));
      return;
    case FrameType::kError:
      ++stats_.errors[decoded_.error.code];
      stats_.last_error = decoded_.error.message;
      break;
    default:
      break;
  }
  listener_.OnFrame(decoded_);
}

void Session::BecomeReady() {
  if (!ready()) {
    state_ = State::kReady;
    backoff_.Reset();
    last_pong_ = steady_clock::now();
    stats_.ready_latency.Record(Ns(last_pong_ - connecting_since_));
    if (!options_.token.empty()) stats_.auth_latency.Record(Ns(last_pong_ - open_since_));
    if (std::exchange(was_ready_, true)) ++stats_.reconnects;
    ScheduleHeartbeat();
  }
  listener_.OnReady();
}

void Session::ScheduleHeartbeat() {
  heartbeat_timer_.expires_after(kPingEvery);
  heartbeat_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && ready()) Heartbeat();
  });
}

void Session::Heartbeat() {
  last_ping_ = steady_clock::now();
  if (reading_ && last_ping_ - last_pong_ > kPongTimeout) {
    stats_.last_error = "no PONG for 15 s";
    stats_.CountCloseReason(stats_.last_error);
    socket_->Close();
    return Reconnect();
  }
  std::string ping;
  wire::EncodePing({.timestamp = WallMs()}, ping);
  socket_->Send({ping});
  ScheduleHeartbeat();
}

void Session::OnClosed(std::string_view reason) {
  stats_.last_error = "connection: " + std::string(reason);
  if (ready()) stats_.CountCloseReason(std::string(reason));
  Reconnect();
}

void Session::Reconnect() {
  if (!refusal_.empty()) return CountTraffic();
  if (ready()) ++stats_.closes;
  BackOff();
}

void Session::BackOff() {
  const bool was_up = TakeDown(options_.reconnect ? State::kBackoff : State::kIdle);
  if (options_.reconnect) {
    state_timer_.expires_after(backoff_.Next());
    state_timer_.async_wait([this](boost::system::error_code error) {
      if (!error && state_ == State::kBackoff) Connect();
    });
  }
  if (was_up) listener_.OnDown();
  if (!options_.reconnect) listener_.OnLost();
}

bool Session::TakeDown(State next) {
  const bool was_up = ready();
  CountTraffic();
  state_ = next;
  heartbeat_timer_.cancel();
  state_timer_.cancel();
  socket_->Drop();
  return was_up;
}

void Session::StopReading() {
  reading_ = false;
  socket_->StopReading();
}

void Session::Break() {
  if (!ready()) return;
  ++stats_.breaks;
  BackOff();
}

void Session::GoAway() {
  if (away() || state_ == State::kIdle) return;
  ++stats_.breaks;
  if (TakeDown(State::kAway)) listener_.OnDown();
}

void Session::ComeBack() {
  if (!away()) return;
  backoff_.Reset();
  Connect();
}

void Session::Refuse(std::string_view reason) {
  refusal_ = reason;
  stats_.last_error = refusal_;
  Stop();
}

void Session::CountTraffic() {
  const Traffic traffic = std::exchange(traffic_, {});
  stats_.bytes_sent += traffic.bytes_sent;
  stats_.bytes_received += traffic.bytes_received;
}

}  // namespace topgun::loadgen
