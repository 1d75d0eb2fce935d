#include "client/http_channel.h"

#include <utility>
#include <vector>

namespace topgun::loadgen {
namespace {

using std::chrono::steady_clock;

constexpr const char* kSyncTarget = "/sync";
constexpr const char* kNotKept = "not kept alive";
constexpr unsigned kHttpOk = 200;

int64_t NsSince(steady_clock::time_point begin) {
  return (steady_clock::now() - begin) / std::chrono::nanoseconds(1);
}

int64_t WallClockMs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
}

// Trying again would be answered in the same way.
bool IsFinal(unsigned status) {
  constexpr unsigned kUnauthorized = 401;
  constexpr unsigned kForbidden = 403;
  constexpr unsigned kNotFound = 404;
  constexpr unsigned kMethodNotAllowed = 405;
  return status == kUnauthorized || status == kForbidden || status == kNotFound ||
         status == kMethodNotAllowed;
}

}  // namespace

HttpChannel::HttpChannel(boost::asio::io_context& io, Session::Options options,
                         std::string client_id, RunStats& stats, OpChannel::Listener& listener)
    : io_(io),
      options_(std::move(options)),
      client_id_(std::move(client_id)),
      stats_(stats),
      listener_(listener),
      timer_(io),
      backoff_(options_.seed) {}

HttpChannel::~HttpChannel() {
  if (connection_) connection_->Drop();
}

void HttpChannel::Start() {
  was_ready_ = false;
  accepted_ = false;
  Connect();
}

void HttpChannel::Stop() { TakeDown(State::kIdle); }

void HttpChannel::Connect() {
  state_ = State::kConnecting;
  has_answered_ = false;
  connecting_since_ = steady_clock::now();
  const std::vector<Endpoint>& endpoints = options_.endpoints;
  HttpConnection::Listener& self = *this;
  connection_ = std::make_shared<HttpConnection>(io_, endpoints[attempts_ % endpoints.size()],
                                                 options_.source_ip, self, traffic_);
  ++attempts_;
  connection_->Start();
}

void HttpChannel::OnOpen() {
  stats_.connect_latency.Record(NsSince(connecting_since_));
  if (accepted_) return BecomeReady();
  Post(0, {});
}

void HttpChannel::SendOps(uint32_t count, std::string_view ops) {
  if (CanSend()) Post(count, ops);
}

void HttpChannel::Post(uint32_t count, std::string_view ops) {
  std::string body = SyncBodyHead(client_id_, WallClockMs(), count);
  body.append(ops);
  connection_->Post(kSyncTarget, options_.token, std::move(body));
}

void HttpChannel::BecomeReady() {
  state_ = State::kReady;
  stats_.ready_latency.Record(NsSince(connecting_since_));
  if (std::exchange(was_ready_, true)) ++stats_.reconnects;
  listener_.OnReady();
}

void HttpChannel::OnAnswer(const HttpAnswer& answer) {
  ++stats_.frames_received;
  CountTraffic();
  has_answered_ = true;
  if (answer.status != kHttpOk) return OnFailure(answer);
  const auto decoded = DecodeSyncAnswer(answer.body);
  if (!decoded.ok()) {
    ++stats_.undecodable_frames;
    stats_.last_error = std::string(Message(decoded.status()));
    return Wait(answer.keep_alive);
  }
  if (!std::exchange(accepted_, true)) {
    return answer.keep_alive ? BecomeReady() : OnClosed(kNotKept);
  }
  if (!Settle(*decoded)) return Wait(answer.keep_alive);
  backoff_.Reset();
  answer.keep_alive ? listener_.OnReady() : OnClosed(kNotKept);
}

void HttpChannel::OnFailure(const HttpAnswer& answer) {
  ++stats_.errors[answer.status];
  stats_.last_error = "POST /sync was answered with HTTP " + std::to_string(answer.status);
  if (accepted_ || !IsFinal(answer.status)) return Wait(answer.keep_alive);
  refusal_ = stats_.last_error;
  Stop();
}

bool HttpChannel::Settle(const SyncBodyAnswer& answer) {
  // What is said about single operations is final; the others are sent again, which does no harm.
  wire::OpAckFrame refused;
  refused.last_id = "0";
  for (const SyncBodyAnswer::Error& error : answer.errors) {
    stats_.last_error = std::string(error.message);
    if (error.context.empty()) {
      ++stats_.errors[error.code];
    } else {
      refused.results.push_back({error.context, false, {}, error.message});
    }
  }
  if (!refused.results.empty()) listener_.OnAck(refused);
  if (!answer.last_id) return !refused.results.empty();
  wire::OpAckFrame ack;
  ack.last_id = *answer.last_id;
  listener_.OnAck(ack);
  return true;
}

void HttpChannel::OnClosed(std::string_view reason) {
  CountClose(reason);
  if (!has_answered_) return BackOff();
  TakeDown(State::kConnecting);
  Connect();
}

void HttpChannel::CountClose(std::string_view reason) {
  stats_.last_error = "connection: " + std::string(reason);
  if (!ready()) return;
  stats_.CountCloseReason(std::string(reason));
  ++stats_.closes;
}

void HttpChannel::Wait(bool kept) {
  if (!kept) CountClose(kNotKept);
  if (!kept || !ready()) return BackOff();
  state_ = State::kPausing;
  timer_.expires_after(backoff_.Next());
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || state_ != State::kPausing) return;
    state_ = State::kReady;
    listener_.OnReady();
  });
}

void HttpChannel::BackOff() {
  TakeDown(State::kBackoff);
  timer_.expires_after(backoff_.Next());
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && state_ == State::kBackoff) Connect();
  });
}

void HttpChannel::TakeDown(State next) {
  CountTraffic();
  state_ = next;
  timer_.cancel();
  if (connection_) std::exchange(connection_, nullptr)->Drop();
}

void HttpChannel::Break() {
  if (!ready()) return;
  ++stats_.breaks;
  BackOff();
}

void HttpChannel::GoAway() {
  if (state_ == State::kAway || state_ == State::kIdle) return;
  ++stats_.breaks;
  TakeDown(State::kAway);
}

void HttpChannel::ComeBack() {
  if (state_ != State::kAway) return;
  backoff_.Reset();
  Connect();
}

void HttpChannel::CountTraffic() {
  const Traffic traffic = std::exchange(traffic_, {});
  stats_.bytes_sent += traffic.bytes_sent;
  stats_.bytes_received += traffic.bytes_received;
}

std::unique_ptr<OpChannel> MakeHttpChannel(boost::asio::io_context& io, Session::Options options,
                                           std::string client_id, RunStats& stats,
                                           OpChannel::Listener& listener) {
  return std::make_unique<HttpChannel>(io, std::move(options), std::move(client_id), stats,
                                       listener);
}

}  // namespace topgun::loadgen
